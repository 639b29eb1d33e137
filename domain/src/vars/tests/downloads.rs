use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn taken(script: &str, config: &[(&str, &str)]) -> (String, Vec<(String, String, usize)>) {
    let found = rendered(script, config).unwrap();
    let files = found.downloads.into_iter();
    let files = files.map(|file| (file.uri, file.name, file.position.line));
    (found.script, files.collect())
}

fn file(uri: &str, name: &str, line: usize) -> (String, String, usize) {
    (uri.to_owned(), name.to_owned(), line)
}

#[test]
fn a_file_is_taken_out_with_its_semicolon_and_the_lines_stay() {
    let script = "download[hdfs:///hera/hello.py hello.py];\npython hello.py;";
    let files = vec![file("hdfs:///hera/hello.py", "hello.py", 1)];
    assert_eq!(taken(script, &[]), ("\npython hello.py;".to_owned(), files));
    let script = "# download[ res:///lib/a.jar ] ;download[hdfs://ns/b/c.txt d]x\n";
    let files = vec![
        file("res:///lib/a.jar", "a.jar", 1),
        file("hdfs://ns/b/c.txt", "d", 1),
    ];
    assert_eq!(taken(script, &[]), ("# x\n".to_owned(), files));
}

#[test]
fn its_variables_and_dates_are_filled_in_first() {
    let script = "a\ndownload[${lib}/${zdt.format(\"yyyy']'\")}/x ${yesterday}.csv]\necho ${lib}";
    let files = vec![file("hdfs:///lib/2026]/x", "20261119.csv", 2)];
    let left = "a\n\necho hdfs:///lib".to_owned();
    assert_eq!(taken(script, &[("lib", "hdfs:///lib")]), (left, files));
}

#[test]
fn what_names_no_source_of_files_is_the_shell_s() {
    for script in [
        "download[0]=x",
        "download[${i}]=${x}",
        "mydownload[hdfs:///a b]",
        "_download[hdfs:///a",
        "download[",
        "download[]",
        "download[${i}",
        "download[http://host/a]",
    ] {
        assert_eq!(taken(script, &[]), (script.to_owned(), vec![]));
        assert_eq!(check(script), Ok(()), "{script}");
    }
    assert_eq!(taken("download[${i}]=1", &[("i", "7")]).0, "download[7]=1");
}

#[test]
fn the_same_file_is_fetched_once_and_two_of_one_name_are_refused() {
    let one = "download[hdfs:///a/x];";
    assert_eq!(
        taken(&one.repeat(3), &[]).1,
        vec![file("hdfs:///a/x", "x", 1)]
    );
    assert_eq!(
        error(&format!("{one}\n download[hdfs:///b/x]"), &[]),
        "line 2, column 2: in this download[…]: there are two files \"x\"; name one of them otherwise"
    );
    let many: String = (0..101)
        .map(|n| format!("download[res:///f/{n}]\n"))
        .collect();
    assert_eq!(
        error(&many, &[]),
        "line 101, column 1: in this download[…]: a script takes 100 files; put them into an archive"
    );
}

#[test]
fn a_wrong_one_is_named_with_its_place_at_save_and_at_run() {
    let message = |inner: &str| {
        let script = format!("a\n  download[{inner}");
        let at_run = error(&script, &[]);
        assert_eq!(check(&script).unwrap_err().to_string(), at_run);
        let said = at_run.strip_prefix("line 2, column 3: in this download[…]: ");
        said.unwrap_or_else(|| panic!("{at_run}")).to_owned()
    };
    assert_eq!(message("hdfs:///a b\n]"), "it is not closed; add \"]\"");
    assert_eq!(
        message("hdfs:///a b c]"),
        "it holds 3 words; write an address and, if you like, a name"
    );
    for nothing in ["hdfs://", "hdfs:///", "res://lib/", "hdfs://ns x"] {
        let uri = nothing.split(' ').next().unwrap();
        assert_eq!(
            message(&format!("{nothing}]")),
            format!("\"{uri}\" names no file; write one like hdfs:///lib/tool.jar")
        );
    }
    for name in ["../x", "a/b", "..", "/etc/passwd"] {
        assert_eq!(
            message(&format!("hdfs:///a/b {name}]")),
            format!("\"{name}\" is no name of a file")
        );
    }
}

#[test]
fn a_megabyte_of_brackets_is_read_in_one_pass() {
    let most = 1 << 20;
    for piece in [
        "download[hdfs:///a]\n",
        "download[${",
        "download[${zdt.format(\"",
        "$",
        "download[${x}]",
    ] {
        let script = piece.repeat(most / piece.len());
        let _ = check(&script);
        let _ = rendered(&script, &[("x", "1")]);
    }
    let open = format!("download[res:///{}", "$".repeat(most));
    assert!(
        check(&open)
            .unwrap_err()
            .message
            .ends_with("it is not closed; add \"]\"")
    );
}

#[test]
fn no_secret_stands_in_an_address() {
    let secret = [("secret.dir", "hdfs:///hidden")];
    assert_eq!(
        error("download[hdfs:///${secret.dir}/x]", &secret),
        "line 1, column 1: in this download[…]: a secret cannot stand in it; take it out"
    );
    // Whoever fetches it and whoever shows it take out the same.
    let script = "download[${secret.dir}/x] ${secret.dir}";
    let (left, files) = taken(script, &secret);
    assert_eq!(files, vec![]);
    assert_eq!(left, "download[hdfs:///hidden/x] hdfs:///hidden");
}

#[test]
fn an_unknown_name_in_an_address_is_told() {
    let found = rendered("download[hdfs:///${lib}/x ${name}]\n${rest}", &[]).unwrap();
    assert_eq!(found.downloads[0].uri, "hdfs:///${lib}/x");
    assert_eq!(
        told(&found),
        [
            "line 1, column 18: ${lib} is not known and stays as it is",
            "line 1, column 27: ${name} is not known and stays as it is",
            "line 2, column 1: ${rest} is not known and stays as it is",
        ]
    );
}

fn pieces() -> impl Strategy<Value = String> {
    let known = select(vec![
        "download[",
        "hdfs://",
        "res://",
        "/",
        "a",
        "b.jar",
        " ",
        "]",
        ";",
        "\n",
        "${",
        "}",
        "${n}",
        "${u}",
        "${zdt.format(\"]\")}",
        "${zdt.",
        "..",
        "_",
        "é",
    ]);
    prop::collection::vec(known, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever stands in a script: nothing panics, no line is lost, every file has a plain name
    /// of its own and a known source, and what is done is not done again.
    #[test]
    fn files_have_plain_names_and_nothing_else_is_lost(script in pieces(), u in pieces()) {
        let config = [("n", "name"), ("u", u.as_str())];
        if u.contains('\n') {
            return Ok(());
        }
        let Ok(found) = rendered(&script, &config) else {
            return Ok(());
        };
        let lines = |text: &str| text.matches('\n').count();
        prop_assert_eq!(lines(&found.script), lines(&script));
        for (at, file) in found.downloads.iter().enumerate() {
            prop_assert!(file.uri.starts_with("hdfs://") || file.uri.starts_with("res://"));
            prop_assert!(!file.name.contains(['/', '\n', ' ']) && file.name != ".." && !file.name.is_empty());
            prop_assert!(found.downloads.iter().skip(at + 1).all(|other| other.name != file.name));
        }
        for span in &found.spans {
            prop_assert!(found.script.get(span.start..span.end).is_some());
        }
        if !script.contains("download[") {
            prop_assert!(found.downloads.is_empty());
        }
    }

    /// A script whose addresses are written out is refused at save if it is refused at run.
    #[test]
    fn what_is_saved_can_be_fetched(script in pieces()) {
        let script = script.replace("${", "");
        let wrong_name = |error: &RenderError| error.message.contains("two files");
        match (check(&script), rendered(&script, &[])) {
            (Ok(()), Err(error)) => prop_assert!(wrong_name(&error), "{error}"),
            (Err(error), Ok(_)) => prop_assert!(false, "{error}"),
            (Ok(()), Ok(_)) | (Err(_), Err(_)) => {}
        }
    }
}
