//! The text of `openrc`. Pure; works in any POSIX shell.

use std::{os::unix::ffi::OsStrExt, path::PathBuf};

use super::Endpoint;
use crate::pki::DOMAIN;

/// Variables of a former login that would win over ours, or send a client elsewhere.
const CONFLICTING: [&str; 33] = [
    "OS_AUTH_PLUGIN",
    "OS_AUTH_TYPE",
    "OS_CACERT",
    "OS_CERT",
    "OS_CLIENT_CONFIG_FILE",
    "OS_CLOUD_NAME",
    "OS_COMPUTE_API_VERSION",
    "OS_COMPUTE_ENDPOINT_OVERRIDE",
    "OS_DOMAIN_ID",
    "OS_DOMAIN_NAME",
    "OS_ENDPOINT",
    "OS_ENDPOINT_OVERRIDE",
    "OS_ENDPOINT_TYPE",
    "OS_IDENTITY_ENDPOINT_OVERRIDE",
    "OS_IDENTITY_PROVIDER",
    "OS_INSECURE",
    "OS_INTERFACE",
    "OS_KEY",
    "OS_PASSCODE",
    "OS_PROJECT_DOMAIN_ID",
    "OS_PROJECT_ID",
    "OS_PROTOCOL",
    "OS_REGION",
    "OS_SERVICE_TOKEN",
    "OS_SYSTEM_SCOPE",
    "OS_TENANT_ID",
    "OS_TENANT_NAME",
    "OS_TOKEN",
    "OS_TRUST_ID",
    "OS_URL",
    "OS_USER_DOMAIN_ID",
    "OS_USER_ID",
    "OS_VERIFY",
];

/// What a client has to know.
pub(super) struct Openrc<'a> {
    pub(super) auth_url: &'a str,
    pub(super) user: &'a str,
    pub(super) password: &'a str,
    pub(super) project: &'a str,
    pub(super) region: &'a str,
    /// Absolute; `None` = nothing speaks TLS.
    pub(super) ca: Option<PathBuf>,
    /// Service and URL, of everything outside clients reach.
    pub(super) doors: &'a [Endpoint],
}

impl Openrc<'_> {
    /// The file. A path is bytes, so this is too.
    pub(super) fn render(&self) -> Vec<u8> {
        let mut text =
            b"# A test cloud on this machine; its secrets are synthetic and end with it.\n".to_vec();
        for name in CONFLICTING {
            text.extend_from_slice(format!("unset {name}\n").as_bytes());
        }
        let values = [
            ("OS_AUTH_URL", self.auth_url),
            ("OS_USERNAME", self.user),
            ("OS_PASSWORD", self.password),
            ("OS_PROJECT_NAME", self.project),
            ("OS_USER_DOMAIN_NAME", "Default"),
            ("OS_PROJECT_DOMAIN_NAME", "Default"),
            ("OS_IDENTITY_API_VERSION", "3"),
            ("OS_REGION_NAME", self.region),
            // The name of what these variables describe: no `clouds.yaml` of the shell's owner has a say.
            ("OS_CLOUD", "envvars"),
        ];
        for (name, value) in values {
            export(&mut text, name, value.as_bytes());
        }
        if let Some(ca) = &self.ca {
            export(&mut text, "OS_CACERT", ca.as_os_str().as_bytes());
        }
        for door in self.doors {
            let service =
                door.service.replace(|c: char| !c.is_ascii_alphanumeric(), "_").to_ascii_uppercase();
            export(&mut text, &format!("TESTBED_URL_{service}"), door.url.as_bytes());
            if door.service == "compute" {
                // Clients up to 6.0 list no servers where the catalog has no image service, as here. Compute was
                // one itself once, with version numbers they understand; that it knows no images they forgive.
                export(&mut text, "OS_IMAGE_ENDPOINT_OVERRIDE", door.url.as_bytes());
            }
        }
        // A proxy of the shell's owner would be asked for `localhost` otherwise, and mean itself by it.
        let direct = format!("localhost,127.0.0.1,{DOMAIN},${{no_proxy:-${{NO_PROXY:-}}}}");
        text.extend_from_slice(
            format!("export no_proxy=\"{direct}\"; export NO_PROXY=\"$no_proxy\"\n").as_bytes(),
        );
        text
    }
}

/// `export NAME='value'`, whatever the value holds.
fn export(text: &mut Vec<u8>, name: &str, value: &[u8]) {
    text.extend_from_slice(format!("export {name}='").as_bytes());
    for byte in value {
        match byte {
            b'\'' => text.extend_from_slice(br"'\''"),
            other => text.push(*other),
        }
    }
    text.extend_from_slice(b"'\n");
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{collections::BTreeMap, process::Command};

    use super::*;

    /// What a shell with a former login has after sourcing it.
    fn sourced(openrc: &Openrc<'_>) -> BTreeMap<String, String> {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("openrc");
        std::fs::write(&file, openrc.render()).unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-euc", ". \"$1\"; env -0", "sh"]).arg(&file).env_clear().env("PATH", "/usr/bin:/bin");
        shell.env("OS_TOKEN", "old").env("OS_CLOUD", "production").env("OS_CACERT", "/old.pem");
        shell.env("NO_PROXY", "intranet");
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let pairs = text.split('\0').filter_map(|line| line.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn openrc(ca: Option<&str>) -> Openrc<'static> {
        Openrc {
            auth_url: "https://localhost:5000/v3",
            user: "admin",
            password: "testbed-secret",
            project: "demo",
            region: "RegionOne",
            ca: ca.map(PathBuf::from),
            doors: &[],
        }
    }

    #[test]
    fn a_shell_gets_our_login_and_forgets_the_former_one() {
        let got = sourced(&openrc(Some("/lab/it's \"$HOME\"\n`here`/ca.pem")));
        let want = [
            ("OS_AUTH_URL", "https://localhost:5000/v3"),
            ("OS_USERNAME", "admin"),
            ("OS_PASSWORD", "testbed-secret"),
            ("OS_PROJECT_NAME", "demo"),
            ("OS_USER_DOMAIN_NAME", "Default"),
            ("OS_PROJECT_DOMAIN_NAME", "Default"),
            ("OS_IDENTITY_API_VERSION", "3"),
            ("OS_REGION_NAME", "RegionOne"),
            ("OS_CACERT", "/lab/it's \"$HOME\"\n`here`/ca.pem"),
            ("OS_CLOUD", "envvars"),
            ("no_proxy", "localhost,127.0.0.1,cloud.invalid,intranet"),
            ("NO_PROXY", "localhost,127.0.0.1,cloud.invalid,intranet"),
        ];
        for (name, value) in want {
            assert_eq!(got.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert!(!got.contains_key("OS_TOKEN"), "{got:?}");
    }

    #[test]
    fn clients_without_a_catalog_are_told_where_everything_is() {
        let url = "https://localhost:5001".to_owned();
        let door = |service: &str| Endpoint { service: service.to_owned(), url: url.clone() };
        let got = sourced(&Openrc { doors: &[door("compute"), door("login-page")], ..openrc(None) });
        for name in ["TESTBED_URL_COMPUTE", "OS_IMAGE_ENDPOINT_OVERRIDE", "TESTBED_URL_LOGIN_PAGE"] {
            assert_eq!(got.get(name), Some(&url), "{name}");
        }
    }

    #[test]
    fn without_tls_no_authority_is_named_and_a_former_one_is_forgotten() {
        assert!(!sourced(&openrc(None)).contains_key("OS_CACERT"));
    }
}
