//! Experiments of the suites that need a data set.

use std::path::Path;

use serde_json::Value;

use crate::vit::write_data;
use crate::{lookback, output, run_folders, stderr, succeed};

#[test]
fn experiments_on_images_run_where_the_images_are() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [data, none] = ["data", "none"].map(|name| folder.path().join(name));
    write_data(&data);
    let mut outs = Vec::new();
    for (suite, experiment, figure) in [("heads", "H9", "h9-accuracy"), ("rank", "R2", "r2-spectra")] {
        let out = folder.path().join(suite);
        let only = format!("experiment={experiment}");
        let bench = |data| {
            let mut command =
                lookback(&["bench", suite, "--preset", "smoke", "--jobs", "2", "--only", &only, "--data"]);
            command.arg(data).arg("--out").arg(&out);
            command
        };
        let refused = output(&mut bench(&none));
        assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
        assert!(stderr(&refused).contains("lookback data fetch cifar10"), "{}", stderr(&refused));

        succeed(&mut bench(&data));
        assert!(run_folders(&out).iter().all(|run| run.join("result.json").exists()));
        let page = std::fs::read_to_string(out.join("report.html")).expect("the report");
        assert!(page.contains(figure), "{figure}");
        outs.push(out);
    }
    let page = succeed(lookback(&["reproduction"]).args(&outs));
    for quantity in ["training error, h=1, T=65", "exponent b of a fit"] {
        assert!(page.contains(quantity), "{page}");
    }
}

/// Queries, passages and relevances in the format of MS MARCO, with a row of the collection that has no number.
fn write_marco(data: &Path) {
    let folder = data.join("ms-marco");
    std::fs::create_dir_all(&folder).expect("a folder");
    let rows = |row: &dyn Fn(usize) -> String| (0..600).map(row).collect::<String>();
    let mut collection =
        rows(&|number| format!("{}\tanswer w{number} v{} u{}\n", number + 1000, number % 7, number % 11));
    collection.insert_str(0, "1\tsomething else\nno number\n");
    for (name, text) in [
        ("queries.train.tsv", rows(&|number| format!("{number}\tquestion w{number} v{}\n", number % 7))),
        ("collection.tsv", collection),
        ("qrels.train.tsv", rows(&|number| format!("{number} 0 {} 1\n", number + 1000))),
    ] {
        std::fs::write(folder.join(name), text).expect("a file");
    }
}

#[test]
fn malformed_rows_are_skipped_where_that_is_asked_for_and_specs_say_what_text_was_found() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [data, out] = ["data", "out"].map(|name| folder.path().join(name));
    write_marco(&data);
    let bench = |data: &Path, options: &[&str]| {
        let mut command = lookback(&["bench", "heads", "--only", "experiment=H8,T=8,h=1", "--seeds", "1", "--data"]);
        command.arg(data).args(options).arg("--out").arg(&out);
        command
    };
    let refused = output(&mut bench(&data, &[]));
    let expected = format!(
        "Line 2 of `{}` has no tab; a valid row is a number, a tab and a text, such as `42\\thow far is the moon`. \
         `lenient` (of `bench`: --lenient) skips and counts such rows.",
        data.join("ms-marco").join("collection.tsv").display()
    );
    assert!(refused.status.code() == Some(1) && stderr(&refused).contains(&expected), "{}", stderr(&refused));

    let shown = succeed(&mut bench(&data, &["--lenient"]));
    assert!(shown.contains("MS MARCO's files, random embeddings, 1 malformed rows skipped"), "{shown}");
    // Without the files it is another run, on a text of another origin.
    let shown = succeed(&mut bench(&folder.path().join("none"), &[]));
    assert!(shown.contains("a generated corpus, random embeddings"), "{shown}");
    let source = |run: &Path| {
        let spec = std::fs::read(run.join("spec.json")).expect("the spec");
        let spec: Value = serde_json::from_slice(&spec).expect("JSON");
        format!("{} {}", spec["task"]["params"]["source"], spec["task"]["params"]["lenient"])
    };
    let mut sources: Vec<String> = run_folders(&out).iter().map(|run| source(run)).collect();
    sources.sort_unstable();
    assert_eq!(sources, ["\"files\" false", "\"files\" true", "\"generated\" false"]);
}
