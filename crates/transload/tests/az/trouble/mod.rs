//! What the article's section on troubleshooting speaks of, provoked; and whether `az` prints cause and cure.

mod artifacts;
mod blobs;
mod templates;
mod tokens;

use transload_testkit::images::{Corpus, gzip_like_layer, image};

/// What most runs export.
const WEB: &str = r#"artifacts=["team/web:v1"]"#;

/// One image, as `team/web:v1`.
fn one(seed: u64) -> Corpus {
    let mut corpus = Corpus::default();
    corpus.add("team/web", "v1", image(&[gzip_like_layer(seed, 50_000)]));
    corpus
}
