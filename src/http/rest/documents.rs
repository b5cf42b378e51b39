//! What explains this server: its OpenAPI document, and a page for each kind of problem.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;

use crate::http::api::Api;
use crate::http::openapi::params::ProblemPath;
use crate::http::problem::{Kind, Problem};
use crate::http::reply;

/// One section for each kind of problem, in the order of their status.
const PROBLEMS: &str = include_str!("../../../docs/problems.md");

/// Shows this document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "getOpenApi",
    tag = "service",
    responses((status = 200, description = "The document.", body = Object))
)]
pub async fn openapi(State(api): State<Arc<Api>>) -> Response {
    reply::public("application/json", api.document.clone())
}

/// Explains a kind of problem.
#[utoipa::path(
    get,
    path = "/docs/problems/{slug}",
    operation_id = "explainProblem",
    tag = "service",
    params(ProblemPath),
    responses((status = 200, description = "The page.", body = String, content_type = "text/markdown"))
)]
pub async fn problem(path: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let slug = path.map(|Path(slug)| slug).unwrap_or_default();
    let page = Kind::ALL.iter().find(|kind| kind.entry().slug == slug).and_then(|kind| section(kind.entry().code));
    page.map_or_else(
        || Err(Problem::new(Kind::NotFound, "There is no problem of that name.")),
        |page| Ok(reply::public("text/markdown; charset=utf-8", page)),
    )
}

/// The section of a code: from its heading to the next.
fn section(code: &str) -> Option<&'static str> {
    let start = PROBLEMS.find(&format!("\n## {code}\n"))?.saturating_add(1);
    let rest = PROBLEMS.get(start..)?;
    let end = rest.get(3..)?.find("\n## ").map_or(rest.len(), |at| at.saturating_add(4));
    rest.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each `type` leads to a page, and no page is of a problem that is never answered with.
    #[test]
    fn every_problem_has_its_page() {
        for kind in Kind::ALL {
            let entry = kind.entry();
            let page = section(entry.code).unwrap_or_else(|| panic!("docs/problems.md has no section {}", entry.code));
            assert!(page.contains(&format!("Status {}", entry.status.as_u16())), "{} must name its status", entry.code);
            assert!(page.lines().count() >= 4, "{} says nothing", entry.code);
        }
        let sections = PROBLEMS.lines().filter(|line| line.starts_with("## ")).count();
        assert_eq!(sections, Kind::ALL.len(), "a section of docs/problems.md belongs to no problem");
    }
}
