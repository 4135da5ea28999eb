//! What is sealed opens in its place, with its key, and nowhere else.

use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};
use transload_vault::{ErrorKind, MasterKey, Sealer};

fn sealer() -> Sealer {
    Sealer::new(&MasterKey::random().expect("a key can be made"))
}

#[test]
fn what_was_sealed_opens_and_is_never_sealed_alike() {
    let sealer = sealer();
    for plain in [&b""[..], b"x", b"sv=1&sig=PLANTED", &[0; 30_000]] {
        let (one, two) = (sealer.seal("a", plain).unwrap(), sealer.seal("a", plain).unwrap());
        assert_ne!(one, two);
        assert_eq!(&**sealer.open("a", &one).unwrap(), plain);
        assert_eq!(&**sealer.open("a", &two).unwrap(), plain);
    }
    let text = SecretString::from("päss");
    let sealed = sealer.seal_text("t", &text).unwrap();
    assert_eq!(sealer.open_text("t", &sealed).unwrap().expose_secret(), "päss");
    assert_eq!(sealer.open_text("t", "no base64!").unwrap_err().kind(), ErrorKind::Damaged);
}

#[test]
fn what_was_moved_to_another_place_does_not_open() {
    let sealer = sealer();
    let sealed = sealer.seal("secret/v/a/1", b"PLANTED").unwrap();
    for other in ["secret/v/a/2", "secret/v/b/1", "secret/w/a/1", "secret/v/a/1 ", ""] {
        assert_eq!(sealer.open(other, &sealed).unwrap_err().kind(), ErrorKind::Damaged, "{other}");
    }
    // the sealed key of one value in front of the sealed value of another
    let other = sealer.seal("secret/v/a/1", b"PLANTED").unwrap();
    let mixed: Vec<u8> = sealed[..69].iter().chain(&other[69..]).copied().collect();
    assert_eq!(sealer.open("secret/v/a/1", &mixed).unwrap_err().kind(), ErrorKind::Damaged);
}

#[test]
fn another_key_is_told_from_damage() {
    let (ours, theirs) = (MasterKey::random().unwrap(), MasterKey::random().unwrap());
    let sealed = Sealer::new(&ours).seal("a", b"PLANTED").unwrap();
    let error = Sealer::new(&theirs).open("a", &sealed).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongKey);
    assert!(error.detail().contains("key file is not the one"), "{error}");
    assert!(error.detail().contains(&ours.id().to_string()), "{error}");
    assert!(error.detail().contains(&theirs.id().to_string()), "{error}");
}

#[test]
fn several_keys_are_open_at_once_and_the_first_seals() {
    let (old, new) = (MasterKey::random().unwrap(), MasterKey::random().unwrap());
    let before = Sealer::new(&old).seal("a", b"PLANTED").unwrap();
    let both = Sealer::new(&new).with_former(&old);
    assert_eq!(&**both.open("a", &before).unwrap(), b"PLANTED");
    let after = both.reseal("a", &before).unwrap().unwrap();
    assert_eq!(both.reseal("a", &after).unwrap(), None);
    assert_eq!(&**Sealer::new(&new).open("a", &after).unwrap(), b"PLANTED");
    assert_eq!(Sealer::new(&old).open("a", &after).unwrap_err().kind(), ErrorKind::WrongKey);
}

#[test]
fn a_file_of_keys_is_a_sealer() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    MasterKey::create_file(&old).unwrap();
    let sealed = Sealer::from_file(&old).unwrap().seal("a", b"PLANTED").unwrap();
    let first = MasterKey::create_file(&new).unwrap();
    let both =
        format!("{}{}", std::fs::read_to_string(&new).unwrap(), std::fs::read_to_string(&old).unwrap());
    std::fs::write(&new, both).unwrap();
    let sealer = Sealer::from_file(&new).unwrap();
    assert_eq!(sealer.key_id(), first.id());
    assert_eq!(&**sealer.open("a", &sealed).unwrap(), b"PLANTED");
}

#[test]
fn processes_that_start_at_once_have_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault.key");
    let opened: Vec<_> = std::thread::scope(|scope| {
        let open = || scope.spawn(|| Sealer::from_file_or_new(&path).unwrap());
        let all: Vec<_> = (0..8).map(|_| open()).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(opened.iter().filter(|(_, made)| *made).count(), 1);
    assert!(opened.iter().all(|(sealer, _)| sealer.key_id() == opened[0].0.key_id()));
    assert!(!Sealer::from_file_or_new(&path).unwrap().1);
    let nowhere = Sealer::from_file_or_new(&folder.path().join("no/vault.key")).unwrap_err();
    assert_eq!(nowhere.kind(), ErrorKind::KeyUnusable);
    std::fs::write(&path, "damaged\n").unwrap();
    assert_eq!(Sealer::from_file_or_new(&path).unwrap_err().kind(), ErrorKind::KeyUnusable);
    assert_eq!(std::fs::read(&path).unwrap(), b"damaged\n", "what is there is never replaced");
}

/// A sealed value of version 1, made by this program once. It must open for ever.
#[test]
fn a_value_that_an_earlier_program_sealed_opens() {
    let key = MasterKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let sealed = include_str!("fixtures/sealed-v1.hex");
    let sealed = hex::decode(sealed.trim()).unwrap();
    assert_eq!(&**Sealer::new(&key).open("secret/v/a/1", &sealed).unwrap(), b"an old value");
}

proptest! {
    #[test]
    fn damaged_bytes_are_refused_and_never_read(
        plain in proptest::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), flip in 1u8..,
    ) {
        let sealer = sealer();
        let mut sealed = sealer.seal("a", &plain).unwrap();
        let at = at.index(sealed.len());
        sealed[at] ^= flip;
        let kind = sealer.open("a", &sealed).unwrap_err().kind();
        // the key's id stands in bytes 1 to 8: another id is another key
        let wanted = if (1..9).contains(&at) { ErrorKind::WrongKey } else { ErrorKind::Damaged };
        prop_assert_eq!(kind, wanted);
    }

    #[test]
    fn what_was_cut_or_made_up_is_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in any::<prop::sample::Index>(),
    ) {
        let sealer = sealer();
        let kind = sealer.open("a", &bytes).unwrap_err().kind();
        prop_assert!(matches!(kind, ErrorKind::Damaged | ErrorKind::WrongKey));
        let sealed = sealer.seal("a", &bytes).unwrap();
        let kind = sealer.open("a", &sealed[..cut.index(sealed.len())]).unwrap_err().kind();
        prop_assert_eq!(kind, ErrorKind::Damaged);
    }

    #[test]
    fn no_plain_text_is_in_what_is_sealed(plain in proptest::collection::vec(any::<u8>(), 8..200)) {
        let sealed = sealer().seal("a", &plain).unwrap();
        prop_assert!(!sealed.windows(8).any(|window| plain.windows(8).any(|there| there == window)));
    }
}
