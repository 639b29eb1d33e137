//! Every template with believable content, in both languages: what the checks of the pages look
//! at. The pages are also written to `target/pages`, to be opened in a browser.

use super::frame::{Frame, Section, Theme};
use super::login::LoginPage;
use crate::web::assets::AssetUrls;
use crate::web::i18n::Lang;

fn frame(lang: Lang, section: Section) -> Frame {
    Frame {
        t: lang.texts(),
        theme: Theme::Auto,
        base: "/hera".into(),
        urls: AssetUrls::new("/hera"),
        csrf: "c5rf".into(),
        nonce: "n0nce".into(),
        here: "/hera/".into(),
        env: Some("test".into()),
        user: Some("hera".into()),
        section,
        leader_ok: true,
        leader_name: "admin-1".into(),
        clock: "14:03".into(),
        zone: "CST".into(),
        zone_id: "Asia/Shanghai".into(),
    }
}

/// All pages, by name.
pub(crate) fn pages(lang: Lang) -> Vec<(&'static str, String)> {
    let html = |page: &dyn askama::DynTemplate| page.dyn_render().expect("a sample page renders");
    let login = |error| LoginPage {
        frame: frame(lang, Section::None),
        user: if error { "hera" } else { "" }.into(),
        next: String::new(),
        error: error.then_some(lang.texts().login.wrong),
    };
    vec![
        ("login", html(&login(false))),
        ("login-wrong", html(&login(true))),
    ]
}

#[test]
fn every_page_renders_in_both_languages_with_landmark_title_and_labels() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/pages");
    std::fs::create_dir_all(&folder).unwrap();
    for lang in [Lang::En, Lang::Zh] {
        for (name, html) in pages(lang) {
            std::fs::write(folder.join(format!("{name}.{}.html", lang.code())), &html).unwrap();
            assert!(html.contains("<main"), "{name}: no main landmark");
            assert!(html.contains("<h1"), "{name}: no heading");
            assert!(html.contains(&format!("<html lang=\"{}\"", lang.code())));
        }
    }
}
