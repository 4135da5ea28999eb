//! Bundles that others wrote or wrapped: folders, docker archives, compressed files, files in parts.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use transload_testkit::images::{Corpus, image, layer, multi_arch};
use transload_testkit::peers::sas::Sas;
use transload_testkit::peers::{DockerRegistry, skopeo_ok};

use crate::support::{Said, assert_whole, azurite, catalog, folder, names, only, path, push, transload};

/// Runs another program in a folder.
fn run(folder: &TempDir, program: &str, arguments: &[&str]) {
    let done = Command::new(program).args(arguments).current_dir(folder.path()).output();
    let done = done.unwrap_or_else(|error| panic!("{program} does not start: {error}"));
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Two images that share nothing, in a registry, and in a bundle `all.tar` of the folder.
fn bundle(folder: &TempDir) -> (DockerRegistry, Corpus) {
    let source = DockerRegistry::start();
    let mut corpus = only("team/web", "v1", multi_arch(900, 150_000));
    corpus.add("team/db", "v2", image(&[layer(901, 400_000), layer(902, 90_000)]));
    push(&source.host(), &corpus);
    let mut export = vec!["export".to_owned()];
    export.extend(corpus.references(&source.host()));
    export.extend(["--to".to_owned(), path(folder, "all.tar")]);
    transload().run(&export).ok();
    (source, corpus)
}

fn import(bundle: &str, corpus: &Corpus) {
    let target = DockerRegistry::start();
    transload().run(["import", bundle, "--to", &target.host()]).ok();
    assert_whole(&target.host(), corpus, "");
    let again = transload().run(["import", bundle, "--to", &target.host()]).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.all());
}

#[test]
fn a_folder_that_is_a_layout_is_a_bundle() {
    let folder = folder();
    let (source, _) = bundle(&folder);
    let layout = path(&folder, "layout");
    let from = format!("docker://{}/team/db:v2", source.host());
    skopeo_ok(&[
        "copy",
        "--preserve-digests",
        "--src-tls-verify=false",
        &from,
        &format!("oci:{layout}:team/db:v2"),
    ]);
    let corpus = only("team/db", "v2", image(&[layer(901, 400_000), layer(902, 90_000)]));
    let table = transload().run(["inspect", &layout]).ok().stdout;
    assert!(table.contains("team/db:v2") && table.contains("a folder"), "{table}");
    transload().run(["verify", &layout]).ok();
    import(&layout, &corpus);

    // whoever asks to delete what was imported is refused before anything is pushed
    let target = DockerRegistry::start();
    let delete = "--delete-source-blob-on-success";
    transload().run(["import", &layout, "--to", &target.host(), delete]).refused(2, "Usage");
    assert!(catalog(&target.host()).is_empty());
    assert!(Path::new(&layout).join("index.json").exists());
}

#[test]
fn an_unpacked_bundle_of_ours_is_one_still_and_a_wrong_byte_in_it_is_found() {
    let folder = folder();
    let (_, corpus) = bundle(&folder);
    std::fs::create_dir(folder.path().join("layout")).unwrap();
    run(&folder, "tar", &["-C", "layout", "-xf", "all.tar"]);
    let layout = path(&folder, "layout/");
    import(&layout, &corpus);
    let victim = corpus.entries[1].artifact.blobs.iter().max_by_key(|blob| blob.descriptor.size).unwrap();
    let file = folder.path().join("layout").join(victim.descriptor.digest.layout_path());
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let refused = transload().run(["verify", &layout]);
    refused.refused(7, "BundleDamaged");
    assert!(refused.stderr.contains(&victim.descriptor.digest.layout_path()), "{}", refused.stderr);
}

#[test]
fn a_folder_of_bundles_is_answered_with_their_names() {
    let folder = folder();
    bundle(&folder);
    let place = format!("{}/", folder.path().display());
    let refused = transload().run(["inspect", &place]);
    refused.refused(2, "Usage");
    assert!(refused.stderr.contains("all.tar"), "{}", refused.stderr);
}

#[test]
fn compressed_bundles_are_read_as_they_are() {
    let folder = folder();
    let (_, corpus) = bundle(&folder);
    run(&folder, "gzip", &["-k", "-1", "all.tar"]);
    run(&folder, "zstd", &["-q", "-k", "all.tar"]);
    // gzip members one behind the other are one stream, too
    let halves = "head -c 300000 all.tar | gzip > two.tgz; tail -c +300001 all.tar | gzip >> two.tgz";
    run(&folder, "sh", &["-c", halves]);
    // a layout that was packed in another order: manifests behind their blobs
    std::fs::create_dir(folder.path().join("layout")).unwrap();
    run(&folder, "tar", &["-C", "layout", "-xf", "all.tar"]);
    run(&folder, "tar", &["-C", "layout", "-czf", "other.tar.gz", "./blobs", "./index.json", "./oci-layout"]);
    for (name, says) in
        [("all.tar.gz", "gzip"), ("all.tar.zst", "zstd"), ("two.tgz", "gzip"), ("other.tar.gz", "gzip")]
    {
        let file = path(&folder, name);
        let table = transload().run(["inspect", &file]).ok().stdout;
        assert!(
            table.contains("team/web:v1") && table.contains(&format!("compressed with {says}")),
            "{table}"
        );
        transload().run(["verify", &file]).ok();
        import(&file, &corpus);
    }
}

#[test]
fn a_compressed_bundle_of_ours_comes_through_a_pipe() {
    let folder = folder();
    let (_, corpus) = bundle(&folder);
    run(&folder, "gzip", &["-k", "-1", "all.tar"]);
    run(&folder, "zstd", &["-q", "-k", "all.tar"]);
    for name in ["all.tar.gz", "all.tar.zst"] {
        let packed = std::fs::read(folder.path().join(name)).unwrap();
        let target = DockerRegistry::start();
        let arguments = ["import", "-", "--to", &target.host()];
        let cut = transload().run_with_input(arguments, &packed[..packed.len() / 2]);
        cut.refused(7, "BundleDamaged");
        transload().run_with_input(arguments, &packed).ok();
        assert_whole(&target.host(), &corpus, "");
    }
}

#[test]
fn what_is_wrong_with_a_compressed_bundle_is_told_with_the_layer_it_is_wrong_in() {
    let folder = folder();
    let (_, corpus) = bundle(&folder);
    run(&folder, "gzip", &["-k", "-1", "all.tar"]);
    run(&folder, "zstd", &["-q", "-k", "all.tar"]);
    let target = DockerRegistry::start();
    let refused = |name: &str, code: &str, says: &str| {
        let file = path(&folder, name);
        for arguments in [vec!["verify", &file], vec!["import", &file, "--to", &target.host()]] {
            let said = transload().run(&arguments);
            said.refused(7, code);
            assert!(said.stderr.contains(says), "{arguments:?}: {}", said.stderr);
        }
    };
    for name in ["all.tar.gz", "all.tar.zst"] {
        let whole = std::fs::read(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join("cut"), &whole[..whole.len() / 2]).unwrap();
        refused("cut", "BundleDamaged", "is cut off");
        let mut bent = whole.clone();
        let middle = whole.len() / 2;
        bent[middle..middle + 100].fill(0xff);
        std::fs::write(folder.path().join("bent"), &bent).unwrap();
        refused("bent", "BundleDamaged", "stream around it is damaged");
    }
    // what is inside is told as such
    std::fs::write(folder.path().join("page"), b"<html><body>Sign in</body></html>").unwrap();
    run(&folder, "gzip", &["page"]);
    let refused_page = transload().run(["inspect", &path(&folder, "page.gz")]);
    refused_page.refused(7, "NotABundle");
    assert!(refused_page.stderr.contains("inside the gzip: it is an HTML"), "{}", refused_page.stderr);
    // a wrong bit in a layer, found behind the compression
    let victim = corpus.entries[1].artifact.blobs.iter().max_by_key(|blob| blob.descriptor.size).unwrap();
    let mut tar = std::fs::read(folder.path().join("all.tar")).unwrap();
    let content = victim.bytes();
    let at = tar.windows(content.len()).position(|window| window == content).unwrap();
    tar[at + 5000] ^= 1;
    std::fs::write(folder.path().join("bit.tar"), tar).unwrap();
    run(&folder, "gzip", &["bit.tar"]);
    refused("bit.tar.gz", "BundleDamaged", &victim.descriptor.digest.to_string());
    for entry in &corpus.entries {
        let manifest = format!("/v2/{}/manifests/{}", entry.repository, entry.tag);
        assert_eq!(target.request("HEAD", &manifest, &[], b"").status, 404, "{manifest}");
    }
}

#[test]
fn a_stream_that_grows_beyond_measure_is_stopped() {
    let folder = folder();
    let bomb = "truncate -s 1300M zeroes; tar -cf - zeroes | zstd -q > bomb.tar.zst";
    run(&folder, "sh", &["-c", bomb]);
    let refused = transload().run(["inspect", &path(&folder, "bomb.tar.zst")]);
    refused.refused(2, "LimitExceeded");
    assert!(refused.stderr.contains("bytes of zstd have become more than"), "{}", refused.stderr);
}

#[test]
fn a_bundle_in_parts_is_read_as_one() {
    let folder = folder();
    let (_, corpus) = bundle(&folder);
    let size = std::fs::metadata(folder.path().join("all.tar")).unwrap().len();
    assert!(size > 600_000, "{size}");
    run(&folder, "split", &["-b", "100000", "-a", "3", "--numeric-suffixes=1", "all.tar", "digits.tar."]);
    run(&folder, "split", &["-b", "70000", "all.tar", "letters.tar.part-"]);
    run(&folder, "gzip", &["-k", "all.tar"]);
    run(&folder, "split", &["-n", "7", "-d", "-a", "3", "all.tar.gz", "packed.tgz."]);
    for name in
        ["digits.tar.001", "digits.tar", "digits.tar.003", "letters.tar.part-aa", "letters.tar", "packed.tgz"]
    {
        let file = path(&folder, name);
        let table = transload().run(["inspect", &file]).ok().stdout;
        assert!(table.contains("team/web:v1") && table.contains(" parts"), "{name}: {table}");
        transload().run(["verify", &file]).ok();
        import(&file, &corpus);
    }
    // a shell that lists them all is no mistake, another bundle among them is
    let all: Vec<String> = (1..=3).map(|n| path(&folder, &format!("digits.tar.00{n}"))).collect();
    transload().run([&["verify".to_owned()], all.as_slice()].concat()).ok();
    let other = path(&folder, "letters.tar.part-aa");
    transload().run(["verify", &all[0], &other]).refused(2, "Usage");
    // relay puts them together
    let joined = folder.path().join("joined");
    std::fs::create_dir(&joined).unwrap();
    transload().run(["relay", &all[0], "--to", joined.to_str().unwrap()]).ok();
    assert!(
        std::fs::read(joined.join("digits.tar")).unwrap()
            == std::fs::read(folder.path().join("all.tar")).unwrap()
    );
}

#[test]
fn whole_bundles_with_numbers_in_their_names_are_no_parts() {
    let folder = folder();
    let (source, corpus) = bundle(&folder);
    let file = |name: &str| folder.path().join(name);
    std::fs::rename(file("all.tar"), file("release.001")).unwrap();
    let web = format!("{}/team/web:v1", source.host());
    transload().run(["export", &web, "--to", &path(&folder, "release.002")]).ok();
    import(&path(&folder, "release.001"), &corpus);
    transload().run(["verify", &path(&folder, "release.002")]).ok();
    let list = transload().run(["list", folder.path().to_str().unwrap(), "--output", "json"]).ok().stdout;
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let names: Vec<_> =
        list["bundles"].as_array().unwrap().iter().map(|b| b["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["release.001", "release.002"], "{list}");
}

#[test]
fn a_container_holds_parts_and_layouts_too() {
    let folder = folder();
    let (_, corpus) = bundle(&folder);
    let azure = azurite();
    azure.create_container("formats");
    let token = Sas::container("formats").permissions("rcwld");
    let to = azure.url_with("formats", &token);
    transload().run(["split", &path(&folder, "all.tar"), "--size", "200KiB", "--to", &to]).ok();
    import(&azure.url_with("formats/all.tar.001", &token), &corpus);
    std::fs::create_dir(folder.path().join("layout")).unwrap();
    run(&folder, "tar", &["-C", "layout", "-xf", "all.tar"]);
    let mut files = vec!["oci-layout".to_owned(), "index.json".to_owned()];
    let blobs = std::fs::read_dir(folder.path().join("layout/blobs/sha256")).unwrap();
    files.extend(blobs.map(|file| format!("blobs/sha256/{}", file.unwrap().file_name().to_str().unwrap())));
    for file in &files {
        let content = std::fs::read(folder.path().join("layout").join(file)).unwrap();
        azure.put_blob("formats", &format!("there/{file}"), &content);
    }
    let layout = azure.url_with("formats/there", &token);
    transload().run(["verify", &layout]).ok();
    import(&layout, &corpus);
    // every part is deleted, and nothing else
    let target = DockerRegistry::start();
    let first = azure.url_with("formats/all.tar.001", &token);
    transload().run(["import", &first, "--to", &target.host(), "--delete-source-blob-on-success"]).ok();
    let list = transload().run(["list", &to, "--output", "json"]).ok().stdout;
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["bundles"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!((&list["bundles"][0]["name"], &list["others"]), (&"there/".into(), &serde_json::json!([])));
}

#[test]
fn parts_that_are_missing_short_or_left_over_are_told_by_name() {
    let folder = folder();
    bundle(&folder);
    run(&folder, "split", &["-b", "100000", "-a", "3", "--numeric-suffixes=1", "all.tar", "x.tar."]);
    std::fs::remove_file(folder.path().join("all.tar")).unwrap();
    let parts = names(&folder);
    let first = path(&folder, &parts[0]);
    let refused = |says: &[&str]| {
        let said = transload().run(["inspect", &first]);
        said.refused(7, "PartMissing");
        for text in says {
            assert!(said.stderr.contains(text), "{text}: {}", said.stderr);
        }
    };
    let keep = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();

    let third = keep("x.tar.003");
    std::fs::remove_file(folder.path().join("x.tar.003")).unwrap();
    refused(&["x.tar.003: this part is missing"]);
    put("x.tar.003", &third[..60_000]);
    refused(&["x.tar.003: this part has 60000 bytes, the first has 100000"]);
    put("x.tar.003", &third);

    let (last, count) = (parts.last().unwrap(), parts.len());
    let bytes = keep(last);
    std::fs::remove_file(folder.path().join(last)).unwrap();
    refused(&[&format!("{} parts", count - 1), &parts[count - 2], "100000 bytes"]);
    put(last, &bytes[..bytes.len() - 512]);
    refused(&[last, &format!("{} bytes", bytes.len() - 512)]);
    put(last, &[bytes.as_slice(), &vec![0; 200_000]].concat());
    refused(&[last, "more than the first"]);
    put(last, &bytes);
    transload().run(["inspect", &first]).ok();

    let begin = keep("x.tar.001");
    std::fs::remove_file(folder.path().join("x.tar.001")).unwrap();
    let said = transload().run(["inspect", &path(&folder, "x.tar")]);
    said.refused(7, "PartMissing");
    assert!(said.stderr.contains("the first part is missing"), "{}", said.stderr);
    put("x.tar.001", &begin);

    // what was imported is deleted whole
    let target = DockerRegistry::start();
    transload().run(["import", &first, "--to", &target.host(), "--delete-source-blob-on-success"]).ok();
    assert!(names(&folder).is_empty(), "{:?}", names(&folder));
}

#[test]
fn a_docker_archive_is_imported_with_manifests_made_for_it() {
    let source = DockerRegistry::start();
    let layers = [layer(910, 300_000), layer(911, 80_000)];
    let corpus = only("team/app", "v1", image(&layers));
    push(&source.host(), &corpus);
    let folder = folder();
    let archive = path(&folder, "saved.tar");
    let from = format!("docker://{}/team/app:v1", source.host());
    skopeo_ok(&["copy", "--src-tls-verify=false", &from, &format!("docker-archive:{archive}:team/app:v1")]);
    let table = transload().run(["inspect", &archive]).ok().stdout;
    for says in ["team/app:v1", "docker-archive", "converted"] {
        assert!(table.contains(says), "{says}: {table}");
    }
    transload().run(["verify", &archive]).ok();
    run(&folder, "gzip", &["-k", "saved.tar"]);
    let mut digests = Vec::new();
    for file in [archive, path(&folder, "saved.tar.gz")] {
        let target = DockerRegistry::start();
        let said = transload().run(["import", &file, "--to", &target.host()]).ok();
        assert!(said.all().contains("their digests are new"), "{}", said.all());
        let copied = format!("docker://{}/team/app:v1", target.host());
        let raw = skopeo_ok(&["inspect", "--raw", "--tls-verify=false", &copied]);
        // skopeo reads every layer again, and checks it
        let to = format!("dir:{}", path(&folder, "copied"));
        skopeo_ok(&["copy", "--src-tls-verify=false", &copied, &to]);
        digests.push(raw);
    }
    assert_eq!(digests[0], digests[1], "the same archive makes the same manifest");
    let manifest: serde_json::Value = serde_json::from_str(&digests[0]).unwrap();
    let sizes: Vec<_> =
        manifest["layers"].as_array().unwrap().iter().map(|layer| layer["size"].clone()).collect();
    assert_eq!(sizes, layers.map(|layer| serde_json::Value::from(layer.descriptor.size)));
}
