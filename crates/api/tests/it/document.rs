//! The published description is the one that the code has.

use std::path::Path;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};

use crate::harness::World;

#[tokio::test]
async fn the_published_description_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas/openapi.json");
    let described = api::document();
    let published = std::fs::read_to_string(&path).unwrap();
    if published.trim_end() != described {
        let beside = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi.json");
        std::fs::write(&beside, described + "\n").unwrap();
        panic!("docs/schemas/openapi.json is out of date: copy {} over it", beside.display());
    }
    let world = World::new();
    let served = world.ask(Request::get("/v1/openapi.json").body(Body::empty()).unwrap()).await;
    assert_eq!(served.status(), StatusCode::OK);
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document: serde_json::Value = serde_json::from_str(&api::document()).unwrap();
    let paths = document["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|path| path.as_object().unwrap().values());
    let mut names: Vec<&str> =
        operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert!(names.len() > 10 && names.windows(2).all(|two| two[0] != two[1]), "{names:?}");
}
