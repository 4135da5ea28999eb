//! What the writer builds, the reader opens: every blob where the catalog says, every name as it was given.

use crate::support::{Sample, open, open_limited, read};
use proptest::prelude::*;
use transload_bundle::{
    Entry, ErrorKind, HeadInput, Limits, Placed, Status, TRAILER_LEN, TransferManifest, build_head, head_len,
};
use transload_oci::Digest;

fn layer(seed: u8, len: usize) -> Vec<u8> {
    (0..len).map(|n| (n as u8).wrapping_mul(7).wrapping_add(seed)).collect()
}

fn sample() -> Sample {
    let mut sample = Sample::default();
    let image = sample.image("team/app", Some("v1"), &[layer(0, 10), layer(1, 5000), layer(5, 4096)]);
    sample.referrer(image, None);
    sample.referrer(image, Some("sha256-abc.sig"));
    sample.image("team/other", None, &[layer(1, 5000), layer(9, 100_001)]);
    sample.transfer.artifacts[0].tags.push("latest".to_owned());
    sample
}

fn assert_opens(sample: &Sample, void: &[Digest], pad_to: Option<u64>) {
    let bytes = sample.bundle(void, pad_to);
    let bundle = open(&bytes).unwrap();
    assert_eq!(bundle.len, bytes.len() as u64);
    assert_eq!(bundle.transfer.as_ref(), Some(&sample.transfer));
    for (digest, content) in &sample.content {
        if void.contains(digest) {
            assert!(!bundle.catalog.contains_key(digest));
        } else {
            assert_eq!(read(&bundle, &bytes, digest), content, "{digest}");
            assert!(bundle.cached(digest).is_none_or(|cached| cached == *content));
        }
    }
    for manifest in &sample.manifests {
        assert_eq!(bundle.cached(&manifest.digest).as_ref(), Some(&manifest.bytes));
    }
    assert_eq!(bundle.catalog.len(), sample.content.len() - void.len());
    let head = sample.with_input(void, |input, _| head_len(input).unwrap());
    assert_eq!(bundle.head_len, Some(pad_to.unwrap_or(head)));
}

#[test]
fn names_survive() {
    let sample = sample();
    let bundle = open(&sample.bundle(&[], None)).unwrap();
    let names: Vec<_> = bundle
        .roots
        .iter()
        .map(|root| {
            (root.repository.as_deref(), root.tag.as_deref(), root.ref_name.as_deref(), root.referrer)
        })
        .collect();
    let digest = sample.transfer.artifacts[1].digest.unwrap();
    let by_digest = format!("team/other@{digest}");
    assert_eq!(
        names,
        [
            (Some("team/app"), Some("v1"), Some("team/app:v1"), false),
            (Some("team/app"), Some("latest"), Some("team/app:latest"), false),
            (Some("team/other"), None, Some(by_digest.as_str()), false),
            (Some("team/app"), None, None, true),
            (Some("team/app"), Some("sha256-abc.sig"), Some("team/app:sha256-abc.sig"), true),
        ]
    );
    assert!(bundle.roots.iter().all(|root| root.registry.as_deref() == Some("source.example")));
    assert_eq!(bundle.roots[3].descriptor.artifact_type.as_deref(), Some("application/x.sig"));
}

#[test]
fn a_bundle_of_nothing_opens() {
    assert_opens(&Sample::default(), &[], None);
}

#[test]
fn the_same_plan_gives_the_same_bytes() {
    assert_eq!(sample().bundle(&[], None), sample().bundle(&[], None));
}

#[test]
fn a_void_blob_is_gone_and_moves_nothing() {
    let sample = sample();
    let void = [sample.data[0].digest, sample.data[1].digest];
    assert_opens(&sample, &void, None);
    for digest in void {
        let entry = Entry::new(digest, 5);
        assert_eq!(entry.header().len(), entry.void_header().len());
        assert_eq!(entry.header().len() as u64, entry.header_len());
    }
}

#[test]
fn a_head_is_padded_to_any_length_it_can_have() {
    let sample = sample();
    let bare = sample.with_input(&[], |input, _| head_len(input).unwrap());
    for pad_to in [bare, bare + 512, bare + 1024, 5 << 20] {
        assert_opens(&sample, &[], Some(pad_to));
    }
    let none = |_: &Digest| None;
    for impossible in [0, bare - 512, bare + 1, bare + 511, bare + 700] {
        let result = sample.with_input(&[], |input, _| build_head(input, &none, Some(impossible)));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::PlanInvalid, "{impossible}");
    }
}

#[test]
fn a_long_head_takes_two_reads_and_a_short_one_takes_one() {
    let mut long = Sample::default();
    for n in 0..3000_u32 {
        long.image("team/app", Some(&format!("v{n}")), &[n.to_le_bytes().to_vec(), vec![6; 3000]]);
    }
    let bytes = long.bundle(&[], None);
    assert!(bytes.len() > 2 << 20);
    let (bundle, reads) = open_limited(&bytes, Limits::default());
    let head_len = bundle.unwrap().head_len.unwrap();
    assert_eq!(reads, [0..1 << 20, 1 << 20..head_len]);

    let bytes = sample().bundle(&[], None);
    let (bundle, reads) = open_limited(&bytes, Limits::default());
    bundle.unwrap();
    assert_eq!((reads.len(), reads[0].end), (1, bytes.len() as u64));
}

#[test]
fn an_index_longer_than_the_first_read_is_read_on() {
    let mut sample = Sample::default();
    sample.image("team/app", None, &[vec![1; 10]]);
    sample.transfer.artifacts[0].tags = (0..4000).map(|n| format!("v{n}")).collect();
    let bytes = sample.bundle(&[], None);
    let (bundle, reads) = open_limited(&bytes, Limits::default());
    assert_eq!(bundle.unwrap().roots.len(), 4000);
    assert_eq!(reads.len(), 3);
}

#[test]
fn the_empty_config_is_written_once_wherever_it_is_needed() {
    let empty = Digest::sha256(b"{}");
    let count = |bytes: &[u8]| {
        let mut archive = tar::Archive::new(bytes);
        let path = |entry: std::io::Result<tar::Entry<'_, _>>| entry.unwrap().path_bytes().into_owned();
        archive
            .entries()
            .unwrap()
            .filter(|_| true)
            .map(path)
            .filter(|p| *p == empty.layout_path().as_bytes())
            .count()
    };
    // nobody's: it is there for the transfer manifest, and not in the catalog
    let mut plain = Sample::default();
    plain.image("a", Some("b"), &[]);
    let bytes = plain.bundle(&[], None);
    assert_eq!(count(&bytes), 1);
    assert!(!open(&bytes).unwrap().catalog.contains_key(&empty));
    // a small blob of an artifact
    let small = sample();
    let bytes = small.bundle(&[], None);
    assert_eq!(count(&bytes), 1);
    assert_eq!(read(&open(&bytes).unwrap(), &bytes, &empty), b"{}");
    // in the data section
    let mut data = sample();
    data.small.retain(|entry| entry.digest != empty);
    data.data.push(Entry::new(empty, 2));
    let bytes = data.bundle(&[], None);
    assert_eq!(count(&bytes), 1);
    assert_eq!(read(&open(&bytes).unwrap(), &bytes, &empty), b"{}");
}

#[test]
fn failed_artifacts_are_told_of_and_not_named() {
    let mut sample = sample();
    sample.transfer.artifacts[1].status = Status::Failed;
    sample.transfer.artifacts[1].text = Some("digest mismatch".to_owned());
    let bundle = open(&sample.bundle(&[], None)).unwrap();
    assert!(bundle.roots.iter().all(|root| root.repository.as_deref() == Some("team/app")));
    assert_eq!(bundle.transfer.unwrap().artifacts[1].status, Status::Failed);
}

#[test]
fn a_plan_that_contradicts_itself_is_not_written() {
    let good = sample();
    let refused = |change: &dyn Fn(&mut Vec<Placed>, &mut HeadInput<'_>)| {
        good.with_input(&[], |input, _| {
            let mut data = input.data.to_vec();
            let mut input = *input;
            change(&mut data, &mut input);
            let input = HeadInput { data: &data, ..input };
            head_len(&input).unwrap_err().kind() == ErrorKind::PlanInvalid
        })
    };
    assert!(refused(&|data, _| data[1].offset -= 512));
    assert!(refused(&|data, _| data[1].offset += 1));
    assert!(refused(&|data, input| input.data_len = data[2].offset));
    assert!(refused(&|data, _| data[1].entry.digest = data[0].entry.digest));
    assert!(refused(&|data, _| data[0].entry.digest = good.manifests[0].digest));
    assert!(refused(&|data, _| data[0].entry.digest = good.small[0].digest));
}

#[test]
fn a_root_without_its_manifest_is_not_written() {
    let sample = sample();
    let refused = sample.with_input(&[], |input, _| {
        head_len(&HeadInput { manifests: &input.manifests[1..], ..*input }).unwrap_err().kind()
    });
    assert_eq!(refused, ErrorKind::PlanInvalid);
}

#[test]
fn a_small_blob_with_other_bytes_does_not_get_into_the_head() {
    let sample = sample();
    for wrong in [None, Some(bytes::Bytes::from_static(b"x"))] {
        let result = sample.with_input(&[], |input, _| build_head(input, &|_| wrong.clone(), None));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::PlanInvalid);
    }
}

#[test]
fn what_a_later_writer_adds_is_passed_over_and_a_later_format_refused() {
    let sample = sample();
    let mut json: serde_json::Value = serde_json::from_slice(&sample.transfer.to_json().unwrap()).unwrap();
    json["novelty"] = serde_json::json!({ "a": 1 });
    json["artifacts"][0]["novelty"] = serde_json::json!([]);
    let text = json.to_string();
    assert_eq!(TransferManifest::from_json(text.as_bytes()).unwrap(), sample.transfer);
    json["schemaVersion"] = serde_json::json!(2);
    json["tool"] = serde_json::json!("transload 9.1.0");
    json["artifacts"] = serde_json::json!("quite another shape");
    let error = TransferManifest::from_json(json.to_string().as_bytes()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooNew);
    assert!(error.to_string().contains("transload 9.1.0"), "{error}");
    assert!(error.hint().unwrap().contains("transload 9.1.0"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_set_of_images_opens(
        images in prop::collection::vec(prop::collection::vec((0_u8..12, 0_usize..6000), 0..4), 0..6),
        void_every in 2_usize..5,
        pad in 0_u64..4,
    ) {
        let mut sample = Sample::default();
        for (n, layers) in images.iter().enumerate() {
            let layers: Vec<_> = layers.iter().map(|(seed, len)| layer(*seed, *len)).collect();
            let digest = sample.image("repo", Some(&format!("v{n}")), &layers);
            if n % 2 == 0 {
                sample.referrer(digest, (n % 4 == 0).then_some("x.sig"));
            }
        }
        let void: Vec<Digest> = sample.data.iter().skip(1).step_by(void_every).map(|e| e.digest).collect();
        let bare = sample.with_input(&void, |input, _| head_len(input).unwrap());
        assert_opens(&sample, &void, Some(bare + pad * 512));
        let bytes = sample.bundle(&void, None);
        let (_, data_len) = transload_bundle::place(&sample.data);
        prop_assert_eq!(bytes.len() as u64, bare + data_len + TRAILER_LEN);
    }
}
