//! Every route is exercised: whoever adds a line to the router and no test is told here.

use std::collections::BTreeSet;
use std::path::Path;

const METHODS: [&str; 4] = ["delete", "patch", "post", "put"];

#[test]
fn every_route_is_called_by_some_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let router = std::fs::read_to_string(root.join("../command-api/src/router.rs")).expect("it is readable");
    let routes = routes(&router);
    assert!(routes.len() > 30, "the router is read wrongly: {routes:?}");
    let mut called = BTreeSet::new();
    for file in std::fs::read_dir(root.join("write_side")).expect("it is a folder") {
        let text = std::fs::read_to_string(file.expect("it is listed").path()).expect("it is readable");
        called.extend(calls(&text));
    }
    let forgotten: Vec<_> = routes.difference(&called).collect();
    assert!(forgotten.is_empty(), "no test in tests/write_side calls {forgotten:#?}");
    let unknown: Vec<_> = called.difference(&routes).collect();
    assert!(unknown.is_empty(), "tests call what is no route: {unknown:#?}");
}

/// `PUT /users/{id}` for every route of the table, whatever is wrapped around its handlers.
fn routes(router: &str) -> BTreeSet<String> {
    let mut routes = BTreeSet::new();
    for line in router.split(".api(").skip(1) {
        let mut parts = line.splitn(3, '"');
        let (Some(_), Some(path), Some(handlers)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        for method in METHODS {
            let chained = [format!(" {method}("), format!(".{method}(")];
            if chained.iter().any(|it| handlers.contains(it)) {
                routes.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    routes
}

/// The routes that a test names in its calls.
fn calls(test: &str) -> BTreeSet<String> {
    let is_call = |it: &&str| {
        let method = it.split_once(" /").map(|(method, _)| method.to_lowercase());
        method.is_some_and(|method| METHODS.contains(&method.as_str()))
    };
    // In this file, templates stand in comments and code of the test itself.
    if test.contains("fn every_route_is_called_by_some_test") {
        return BTreeSet::new();
    }
    test.split('"').filter(is_call).map(str::to_owned).collect()
}
