//! `init`: an example to start from, never over anything that is there unless asked to.

use crate::{
    cli::{global::Global, init::Init},
    exit::{Exit, Failure},
    output, starter,
};

pub(super) fn init(global: &Global, options: &Init) -> Result<Exit, Failure> {
    let written = starter::write(&options.directory, options.force)?;
    for path in &written {
        output::result(&format!("{}\n", path.display()))?;
    }
    if let ([architecture, scenario], false) = (written.as_slice(), global.quiet) {
        // `./` tells a file from the name of a shipped one.
        let shown = |path: &std::path::Path| match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => path.display().to_string(),
            _ => format!("./{}", path.display()),
        };
        let (architecture, scenario) = (shown(architecture), shown(scenario));
        output::progress(&format!("next: testbed check {architecture} {scenario}"));
        output::progress(&format!("      testbed compare -a {architecture} -s {scenario} --profile tiny"));
    }
    Ok(Exit::Expected)
}
