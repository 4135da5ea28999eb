//! Tags that name the referrers of a manifest: cosign's, and the fallback of registries without a referrers API.

/// `sha256-<hex>`, with `.sig`, `.att` or `.sbom` behind it.
pub(crate) fn is_referrer_tag(tag: &str) -> bool {
    let Some(rest) = tag.strip_prefix("sha256-") else { return false };
    let (hex, suffix) = rest.split_once('.').map_or((rest, ""), |(hex, suffix)| (hex, suffix));
    hex.len() == 64
        && hex.bytes().all(|b| b.is_ascii_hexdigit())
        && matches!(suffix, "" | "sig" | "att" | "sbom")
}

/// The one without a suffix, which registries and clients keep up to date by themselves.
pub(super) fn is_fallback_tag(tag: &str) -> bool {
    is_referrer_tag(tag) && !tag.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn referrer_tags_are_told_from_others() {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(is_referrer_tag(&format!("sha256-{hex}.sig")));
        assert!(is_referrer_tag(&format!("sha256-{hex}")));
        assert!(is_fallback_tag(&format!("sha256-{hex}")));
        assert!(!is_fallback_tag(&format!("sha256-{hex}.att")));
        assert!(!is_referrer_tag("v1.0"));
        assert!(!is_referrer_tag(&format!("sha256-{hex}.other")));
    }
}
