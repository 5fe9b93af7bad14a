//! The matrix as a person reads it in a terminal of 80 columns.
//!
//! Nothing here rests on colour, and canaries are not shown: `matrix.json` has them.

use std::fmt::Write;

use testbed::vocabulary::Method;

use super::{
    ExportError, Exporter, Recorded,
    grid::{self, Columns, Section, WIDTH},
    matrix::{Matrix, invalid_reasons},
    table,
    words::{clean, fit, proof, wrap},
};
use crate::{
    event::{ValidityFlag, Verdict},
    verdict::{Counts, counts, deviations},
};

/// What the words mean.
const LEGEND: &str = "\
broken 48/48    the attacker got 48 of 48 (canaries; for reach: attempts served)
held 0/48       48 were proved to be put to the test, the attacker got none
not_exercised   the asset does not travel there, or the question was not put
inconclusive    proof is missing on one side; see below
*               modelled: answered by the testbed's own rules, not by a socket
";

/// As above, where columns are narrow.
const BRIEF: &str = "\
broken   the attacker got some of it; how much, and where to look, is below
held     it was proved to be put to the test, and the attacker got none
n/e      not exercised: it does not travel there, or the question was not put
incon    inconclusive: proof is missing on one side; see below
*        modelled: answered by the testbed's own rules, not by a socket
";

/// Writes the matrix as text.
pub struct Text;

impl Exporter for Text {
    fn export(&self, recorded: &Recorded<'_>) -> Result<Vec<u8>, ExportError> {
        let matrix = Matrix::of(recorded)?;
        let names = &matrix.run.architectures;
        let columns = Columns::of(names.len());
        let costs = table::costs(recorded, &matrix, columns)?;
        let sections = [
            Section { title: "verdicts", lines: table::verdicts(&matrix, columns) },
            Section { title: "cost of honest work, undisturbed", lines: costs },
            Section { title: "under flood", lines: table::flood_lines(&matrix, columns) },
        ];
        let mut text = head(recorded, &matrix);
        text.push_str(&grid::render(names, &sections));
        text.push_str(&legend(names, columns));
        text.push_str(&evidence(&matrix));
        text.push_str(&open_questions(&matrix));
        text.push_str(&deviating(recorded));
        text.push_str(&summary(&matrix));
        text.push_str(&validity(recorded));
        Ok(text.into_bytes())
    }
}

/// What the words mean; with narrow columns, also the names above them in full.
fn legend(names: &[String], columns: Columns) -> String {
    match columns {
        Columns::Wide => LEGEND.to_owned(),
        Columns::Narrow => {
            let names = clean(&format!("columns: {}", names.join(", ")));
            format!("{}{BRIEF}", wrap(&names, WIDTH, ""))
        }
    }
}

fn head(recorded: &Recorded<'_>, matrix: &Matrix<'_>) -> String {
    let run = matrix.run;
    let text = format!("seed {} · profile {} · started {}", run.seed, run.profile, run.started);
    let mut text = format!("{}\n", fit(&clean(&text), WIDTH));
    if recorded.snapshot.interrupted {
        let _ = writeln!(text, "INTERRUPTED after {} of {} steps", recorded.snapshot.steps_done, run.steps);
    } else if recorded.snapshot.ended.is_none() {
        let done = recorded.snapshot.steps_done;
        let _ = writeln!(text, "THE RECORD BREAKS OFF after {done} of {} steps", run.steps);
    }
    text.push('\n');
    text
}

fn evidence(matrix: &Matrix<'_>) -> String {
    let mut text = String::new();
    let mut place = None;
    for cell in matrix.cells.iter().filter(|cell| cell.verdict == Verdict::Broken) {
        if place != Some((&cell.scenario, &cell.architecture)) {
            place = Some((&cell.scenario, &cell.architecture));
            let mut line = format!("{} on {}", cell.scenario, cell.architecture);
            let capture = cell.evidence.first().map(|evidence| evidence.capture.as_str());
            if let Some(capture) = capture.filter(|capture| !capture.is_empty()) {
                let _ = write!(line, " ({capture})");
            }
            if let Some(weakness) = &cell.weakness {
                let _ = write!(line, ", with weakness {weakness}");
            }
            let _ = writeln!(text, "  {}", fit(&clean(&line), WIDTH - 2));
        }
        let line =
            format!("{:<17} {:>9}  {}", cell.asset, format!("{}/{}", cell.exposed, cell.sent), proof(cell));
        let _ = writeln!(text, "    {}", fit(&line, WIDTH - 4));
    }
    titled("\nevidence (frames are tshark's frame.number in the named capture)", &text)
}

fn open_questions(matrix: &Matrix<'_>) -> String {
    let mut text = String::new();
    for cell in matrix.cells.iter().filter(|cell| cell.verdict == Verdict::Inconclusive) {
        let line = format!("{} on {}, {}: {}", cell.scenario, cell.architecture, cell.asset, cell.reason);
        text.push_str(&wrap(&clean(&line), WIDTH, "  "));
    }
    titled("\ninconclusive, because", &text)
}

fn deviating(recorded: &Recorded<'_>) -> String {
    let text: String = deviations(&recorded.snapshot.cells)
        .iter()
        .map(|deviation| wrap(&clean(&deviation.to_string()), WIDTH, "  "))
        .collect();
    titled("\ndeviations from the expectation", &text)
}

fn summary(matrix: &Matrix<'_>) -> String {
    let words = |method: Method| {
        let Counts { held, broken, not_exercised, inconclusive } =
            counts(matrix.cells.iter().copied(), method);
        format!(
            "{method:<9} {held:>4} held {broken:>4} broken {inconclusive:>4} inconclusive {not_exercised:>4} not_exercised\n"
        )
    };
    format!(
        "\ncells, by whose answer they rest on\n  {}  {}",
        words(Method::Measured),
        words(Method::Modelled)
    )
}

fn validity(recorded: &Recorded<'_>) -> String {
    let word = |flag, no| if recorded.snapshot.valid(flag) { "valid" } else { no };
    let mut text = format!(
        "\nexposure: {}\nperformance: {}\n",
        word(ValidityFlag::Exposure, "INVALID, verdicts may not be trusted"),
        word(ValidityFlag::Performance, "INVALID, figures may not be ranked (verdicts stand)"),
    );
    for reason in invalid_reasons(recorded) {
        text.push_str(&wrap(&clean(&reason), WIDTH, "  "));
    }
    text
}

fn titled(title: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{title}\n{text}") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{event::Event, sample};

    fn exported(events: &[crate::event::Stamped]) -> String {
        String::from_utf8(Text.export(&Recorded::of(events)).unwrap()).unwrap()
    }

    #[test]
    fn the_page_is_as_reviewed() {
        insta::assert_snapshot!(exported(&sample::run()));
    }

    #[test]
    fn it_fits_eighty_columns_and_shows_no_canary() {
        for events in [sample::every_variant(), sample::broad_run()] {
            for line in exported(&events).lines() {
                assert!(line.chars().count() <= WIDTH, "{line}");
            }
        }
        let text = exported(&sample::every_variant());
        assert!(!text.contains("cnry-"));
        assert!(text.contains("deviations from the expectation"));
    }

    #[test]
    fn a_hostile_name_reaches_no_terminal() {
        let mut events = sample::run();
        for stamped in &mut events {
            match &mut stamped.event {
                Event::Cell(cell) => {
                    cell.reason.push_str("\u{1b}[31m");
                    if let Some(first) = cell.evidence.first_mut() {
                        first.link = String::from("a\u{1b}]0;x\u{7}\r\n");
                    }
                }
                Event::Invalid { reason, .. } => reason.push('\u{1b}'),
                _ => {}
            }
        }
        assert!(exported(&events).chars().all(|letter| letter == '\n' || !letter.is_control()));
    }

    #[test]
    fn eight_architectures_are_as_reviewed() {
        insta::assert_snapshot!(exported(&sample::broad_run()));
    }

    #[test]
    fn a_record_without_an_end_says_so() {
        let mut events = sample::run();
        events.pop();
        assert!(exported(&events).lines().any(|line| line == "THE RECORD BREAKS OFF after 12 of 12 steps"));
    }

    #[test]
    fn an_interrupted_run_says_so() {
        let mut events = sample::run();
        if let Some(Event::RunEnded { interrupted, .. }) = events.last_mut().map(|last| &mut last.event) {
            *interrupted = true;
        }
        assert!(exported(&events).lines().any(|line| line == "INTERRUPTED after 12 of 12 steps"));
    }
}
