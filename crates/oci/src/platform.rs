//! Platforms as people ask for them: `linux/amd64`, `linux/arm/v7`, `linux/*`.

use std::fmt;
use std::str::FromStr;

use crate::descriptor::Platform;

/// `os/architecture[/variant]`; each part may be `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformPattern {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// Why a text names no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no platform: write os/architecture or os/architecture/variant, such as linux/amd64")]
pub struct PlatformError(String);

impl PlatformPattern {
    /// Whether this is such a platform. A pattern without a variant takes every variant. Where a platform names none it
    /// is the usual one: `v8` for `arm64`, `v7` for `arm`, `v1` for `amd64`.
    pub fn takes(&self, platform: &Platform) -> bool {
        let fits = |wanted: &str, there: &str| wanted == "*" || wanted == there;
        let architecture = architecture(&platform.architecture);
        let there = platform.variant.as_deref().filter(|variant| !variant.is_empty());
        let there = there.or_else(|| usual_variant(architecture)).unwrap_or_default();
        fits(&self.os, &platform.os)
            && fits(&self.architecture, architecture)
            && self.variant.as_deref().is_none_or(|wanted| fits(wanted, there))
    }
}

/// The names that Go uses, for those that kernels use.
fn architecture(name: &str) -> &str {
    match name {
        "x86_64" | "x86-64" => "amd64",
        "aarch64" => "arm64",
        "armhf" => "arm",
        "i386" => "386",
        other => other,
    }
}

fn usual_variant(architecture: &str) -> Option<&'static str> {
    match architecture {
        "arm64" => Some("v8"),
        "arm" => Some("v7"),
        "amd64" => Some("v1"),
        _ => None,
    }
}

impl FromStr for PlatformPattern {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let fail = || PlatformError(text.chars().take(100).collect());
        let lower = text.trim().to_ascii_lowercase();
        let parts: Vec<&str> = lower.split('/').collect();
        let is_part = |part: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            part == "*" || (!part.is_empty() && part.bytes().all(plain))
        };
        let (os, name, variant) = match parts.as_slice() {
            [os, name] => (*os, *name, None),
            [os, name, variant] => (*os, *name, Some(*variant)),
            _ => return Err(fail()),
        };
        if !parts.iter().all(|part| is_part(part)) {
            return Err(fail());
        }
        Ok(Self {
            os: os.to_owned(),
            architecture: architecture(name).to_owned(),
            variant: variant.map(str::to_owned),
        })
    }
}

impl fmt::Display for PlatformPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(pattern: &str, os: &str, architecture: &str, variant: Option<&str>) -> bool {
        let platform = Platform {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
            os_version: None,
        };
        pattern.parse::<PlatformPattern>().unwrap().takes(&platform)
    }

    #[test]
    fn a_platform_is_what_it_says_and_what_it_leaves_out() {
        assert!(takes("linux/amd64", "linux", "amd64", None));
        assert!(takes("linux/x86_64", "linux", "amd64", None));
        assert!(!takes("linux/amd64", "windows", "amd64", None));
        assert!(takes("linux/arm64", "linux", "arm64", Some("v8")));
        assert!(takes("linux/arm64/v8", "linux", "arm64", None));
        assert!(takes("linux/arm", "linux", "arm", Some("v6")));
        assert!(!takes("linux/arm/v7", "linux", "arm", Some("v6")));
        assert!(takes("linux/arm/v7", "linux", "arm", Some("")));
        assert!(!takes("linux/amd64/v3", "linux", "amd64", None));
        assert!(takes("linux/*", "linux", "riscv64", None));
    }

    #[test]
    fn says_how_a_platform_is_written() {
        for text in ["linux", "", "linux/", "a/b/c/d", "linux/a b", "/amd64"] {
            assert!(text.parse::<PlatformPattern>().is_err(), "{text}");
        }
        assert_eq!("Linux/ARM/v7".parse::<PlatformPattern>().unwrap().to_string(), "linux/arm/v7");
    }
}
