//! What is printed: the machine, a table, and what the figures do not say.

use std::{collections::BTreeMap, fs, process::Command};

use crate::{
    contender::Who,
    figures::{self, Spread},
    measure::Figures,
    works::{Reading, Work},
};

/// Repetitions of one work, by contender.
#[derive(Default)]
pub(crate) struct Results {
    by: BTreeMap<&'static str, Vec<Figures>>,
}

impl Results {
    pub(crate) fn add(&mut self, who: Who, figures: Figures) {
        self.by.entry(who.name()).or_default().push(figures);
    }

    /// In the order of the repetitions; one that failed is not a number.
    fn of(&self, who: Who, figure: &str) -> Vec<f64> {
        let repetitions = self.by.get(who.name()).map_or(&[][..], |repetitions| repetitions);
        let find =
            |figures: &Figures| figures.iter().find(|(name, _)| *name == figure).map(|(_, value)| *value);
        repetitions.iter().map(|figures| find(figures).unwrap_or(f64::NAN)).collect()
    }
}

/// Everything a reader needs to judge the figures.
pub(crate) fn environment(repetitions: usize, seconds: f64) {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let processor = read("/proc/cpuinfo");
    let processor = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = Command::new("uname").arg("-sr").output();
    let kernel = kernel.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    println!("machine     {processors} × {}", processor.map_or("unknown", |(_, name)| name));
    println!("kernel      {}", kernel.unwrap_or_default());
    println!(
        "congestion  {} on every side (the machine's own)",
        read("/proc/sys/net/ipv4/tcp_congestion_control")
    );
    println!("load        {}", read("/proc/loadavg"));
    for who in Who::ALL {
        println!("{:11} {}", who.name(), who.version().unwrap_or_else(|| "not installed".to_owned()));
    }
    println!("measured    {repetitions} repetitions of {seconds} s, contenders in turn, one thread each,");
    println!(
        "            proxy on processor 0, client and backend on 1; TLS 1.3, X25519, AES-128-GCM, P-256"
    );
}

pub(crate) fn heading() {
    println!(
        "\nratios are least–median–greatest of paired repetitions; less than 1 is less than HAProxy's\n"
    );
    println!(
        "{:22} {:>12} {:>10} {:>10}   {:18} {:18} {:>5} {:>7}",
        "work", "figure", "haproxy", "testbed", "testbed ÷ haproxy", "nginx ÷ haproxy", "firm", "stretch"
    );
}

pub(crate) fn rows(work: &Work, results: &Results) {
    let figures: &[(&str, bool)] = match work.reading {
        Reading::Cpu => &[("proxy µs", true), ("sum µs", false)],
        Reading::Memory => &[("KiB", true)],
        Reading::Tail => &[("large p99 µs", true), ("small p99 µs", false)],
    };
    for (figure, counts) in figures {
        let [ours, haproxy, nginx] = Who::ALL.map(|who| results.of(who, figure));
        let middle =
            |values: &[f64]| Spread::of(values).map_or("–".to_owned(), |it| format!("{:.1}", it.middle));
        let ratio = |values: &[f64]| {
            Spread::of_ratios(values, &haproxy).map_or("–".to_owned(), |it| it.to_string())
        };
        let targets = work.targets.filter(|_| *counts);
        let target = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.2}"));
        println!(
            "{:22} {figure:>12} {:>10} {:>10}   {:18} {:18} {:>5} {:>7}",
            work.name,
            middle(&haproxy),
            middle(&ours),
            ratio(&ours),
            ratio(&nginx),
            target(targets.map(|(firm, _)| firm)),
            target(targets.map(|(_, stretch)| stretch)),
        );
        if work.reading == Reading::Tail {
            match figures::interval(&figures::ratios(&ours, &haproxy)) {
                Some((low, high)) => println!("{:35} median between {low:.2} and {high:.2} (95 %)", ""),
                None => println!("{:35} too few repetitions for an interval", ""),
            }
        }
    }
}
