//! Every template with believable content, in both languages: what the checks of the pages look
//! at. The pages are also written to `target/pages`, to be opened in a browser.

use askama::Template;
use hera_domain::status::RunStatus;

use super::api_docs;
use super::failure::FailurePage;
use super::fires::FiresFragment;
use super::frame::Section;
use super::login::LoginPage;
use super::machines::MachinesPage;
use crate::web::i18n::Lang;

mod calendars;
mod data;
mod host_groups;
mod jobs;
mod others;

use data::frame;
use jobs::{dialog, edit, job_runs, new_job, overview, preview, revisions, versions};
use others::{day, group_form, group_page, home, profile, run_page, runs_page, workers};

fn api(lang: Lang) -> api_docs::ApiPage {
    let document = crate::web::openapi::document("hera_session_8080");
    let document = serde_json::to_value(document).expect("the document has text keys only");
    api_docs::page(frame(lang, Section::Profile), &document)
}

/// All pages, by name.
pub(super) fn pages(lang: Lang) -> Vec<(&'static str, String)> {
    fn html(page: &impl Template) -> String {
        page.render().expect("a sample page renders")
    }
    let t = lang.texts();
    let login = |error: bool| LoginPage {
        frame: frame(lang, Section::None),
        user: if error { "hera" } else { "" }.into(),
        next: String::new(),
        error: error.then_some(t.login.wrong),
    };
    let mut leaderless = frame(lang, Section::None);
    leaderless.leader_ok = false;
    let failure = FailurePage {
        frame: leaderless,
        code: 503,
        title: t.error.unavailable,
        detail: "no admin leads at the moment; try again in a few seconds".into(),
        hint: t.error.unavailable_hint,
        again: true,
    };
    let machines = |workers| MachinesPage {
        frame: frame(lang, Section::Machines),
        notice: None,
        can_administer: true,
        workers,
        admins: others::admins(lang),
    };
    vec![
        ("login", html(&login(false))),
        ("login-wrong", html(&login(true))),
        ("home", html(&home(lang))),
        ("day", html(&day(lang))),
        ("group", html(&group_page(lang))),
        ("group-form", html(&group_form(lang))),
        ("job", html(&overview(lang))),
        ("job-versions", html(&versions(lang))),
        ("job-runs", html(&job_runs(lang))),
        ("job-preview", html(&preview(lang, false))),
        ("job-preview-bad", html(&preview(lang, true))),
        ("job-revisions", html(&revisions(lang))),
        ("job-edit", html(&edit(lang, false))),
        ("job-stale", html(&edit(lang, true))),
        ("job-new", html(&new_job(lang))),
        ("run-dialog", html(&dialog(lang))),
        ("runs", html(&runs_page(lang, true))),
        ("runs-empty", html(&runs_page(lang, false))),
        ("run", html(&run_page(lang, RunStatus::Failed))),
        ("run-live", html(&run_page(lang, RunStatus::Running))),
        ("machines", html(&machines(workers(lang)))),
        ("machines-empty", html(&machines(Vec::new()))),
        ("calendars", html(&calendars::list(lang, true))),
        ("calendars-empty", html(&calendars::list(lang, false))),
        ("calendar", html(&calendars::show(lang))),
        ("calendar-form", html(&calendars::form(lang))),
        ("host-groups", html(&host_groups::list(lang))),
        ("host-group-form", html(&host_groups::edit(lang))),
        ("profile", html(&profile(lang))),
        ("api", html(&api(lang))),
        ("failure", html(&failure)),
    ]
}

#[test]
fn the_cron_read_back_names_the_error() {
    let fragment = FiresFragment {
        error: Some("the hour 25 is not between 0 and 23".into()),
        words: None,
        fires: Vec::new(),
    };
    assert!(fragment.render().unwrap().contains("the hour 25"));
}
