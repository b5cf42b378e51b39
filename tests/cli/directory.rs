//! `import-directory`.

use std::fs;

use crate::support::run;

#[test]
fn good_rows_come_in_and_bad_ones_are_told_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list.csv");
    fs::write(&file, "name,city,phone\nAcme Corp,Tampa,(813) 555-0142\n,Tampa,\nBayside Dental,Tampa,\n").unwrap();
    let strict = run(folder.path(), &["import-directory", "list.csv", "--strict"]);
    assert_eq!((strict.code, strict.out.as_str()), (Some(1), ""));
    assert!(strict.err.starts_with("line 3: ") && strict.err.contains("nothing was imported"), "{}", strict.err);
    let first = run(folder.path(), &["import-directory", "list.csv", "--path", "there"]);
    assert_eq!((first.code, first.out.as_str()), (Some(0), "there: 2 new, 0 replaced, 1 left out\n"));
    let again = run(folder.path(), &["import-directory", "list.csv", "--path", "there"]);
    assert_eq!(again.out, "there: 0 new, 2 replaced, 1 left out\n");
    let usual = run(folder.path(), &["import-directory", "list.csv"]);
    assert_eq!(usual.out, "./data/directory: 2 new, 0 replaced, 1 left out\n");
    let missing = run(folder.path(), &["import-directory", "nowhere.csv"]);
    assert!(missing.code == Some(1) && missing.err.contains("nowhere.csv can't be opened"), "{}", missing.err);
}
