//! Creating and editing a group.

use actix_web::{HttpResponse, web};
use askama::Template;
use hera_domain::config;
use hera_domain::group::{GroupContent, GroupDef};
use hera_domain::id::{GroupId, Revision};
use hera_domain::job::FieldError;
use serde::Deserialize;

use super::frame::{Frame, Section};
use super::parts::Errors;
use super::visit::{Refused, Visit, go_to, html, page_of, refusal};
use crate::web::BASE;
use crate::web::error::{Error, Result};

const FIELDS: &[&str] = &["name", "config"];

/// The dialog.
#[derive(Debug, Template)]
#[template(path = "schedule/group_form.html")]
pub(super) struct GroupForm {
    pub frame: Frame,
    pub title: &'static str,
    pub action: String,
    pub back: String,
    pub notice: Option<String>,
    pub errors: Errors,
    pub parent: String,
    /// `None` = a new group.
    pub base_revision: Option<i64>,
    pub name: String,
    pub big: bool,
    pub description: String,
    pub config: String,
}

#[derive(Deserialize)]
pub(super) struct Fields {
    base_revision: Option<i64>,
    name: String,
    kind: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    config: String,
}

fn group(visit: &Visit, id: GroupId) -> Result<std::sync::Arc<GroupDef>> {
    let found = visit.state.master.definitions().groups.get(&id).cloned();
    found.ok_or_else(|| Error::NotFound(format!("group {id}")))
}

/// `GET /schedule/groups/{id}/groups/new`.
pub(super) async fn new(visit: Visit, parent: web::Path<i64>) -> Result<HttpResponse> {
    let parent = group(&visit, GroupId(*parent))?.id;
    let path = format!("{BASE}/schedule/groups/{parent}");
    html(&GroupForm {
        frame: visit.frame(Section::Schedule),
        title: visit.t().schedule.new_group,
        action: format!("{path}/groups/new"),
        back: path,
        notice: None,
        errors: Errors::default(),
        parent: parent.to_string(),
        base_revision: None,
        name: String::new(),
        big: false,
        description: String::new(),
        config: String::new(),
    })
}

/// `GET /schedule/groups/{id}/edit`.
pub(super) async fn edit(visit: Visit, id: web::Path<i64>) -> Result<HttpResponse> {
    let group = group(&visit, GroupId(*id))?;
    let content = &group.content;
    let path = format!("{BASE}/schedule/groups/{id}");
    let shown = content.config.iter();
    let shown = shown
        .map(|(key, value)| (key.clone(), config::shown(key, value).to_owned()))
        .collect();
    html(&GroupForm {
        frame: visit.frame(Section::Schedule),
        title: visit.t().schedule.edit_group,
        action: format!("{path}/edit"),
        back: path,
        notice: None,
        errors: Errors::default(),
        parent: content.parent_id.map_or(String::new(), |id| id.to_string()),
        base_revision: Some(group.revision.0),
        name: content.name.clone(),
        big: content.big,
        description: content.description.clone(),
        config: config::to_lines(&shown),
    })
}

/// `POST /schedule/groups/{id}/groups/new`.
pub(super) async fn create(
    visit: Visit,
    parent: web::Path<i64>,
    form: web::Form<Fields>,
) -> Result<HttpResponse> {
    let parent = group(&visit, GroupId(*parent))?;
    let path = format!("{BASE}/schedule/groups/{}", parent.id);
    save(&visit, None, Some(parent.id), form.into_inner(), path).await
}

/// `POST /schedule/groups/{id}/edit`.
pub(super) async fn update(
    visit: Visit,
    id: web::Path<i64>,
    form: web::Form<Fields>,
) -> Result<HttpResponse> {
    let group = group(&visit, GroupId(*id))?;
    let path = format!("{BASE}/schedule/groups/{id}");
    let parent = group.content.parent_id;
    save(&visit, Some(&group), parent, form.into_inner(), path).await
}

async fn save(
    visit: &Visit,
    group: Option<&GroupDef>,
    parent_id: Option<GroupId>,
    form: Fields,
    back: String,
) -> Result<HttpResponse> {
    let before = group.map(|g| &g.content.config);
    let (notice, errors) = match read_config(&form.config, before) {
        Err(error) => (None, Errors(vec![error]).said_in(visit.lang)),
        Ok(config) => {
            let content = GroupContent {
                parent_id,
                name: form.name.trim().to_owned(),
                big: form.kind == "big",
                description: form.description.replace("\r\n", "\n"),
                config,
            };
            let (id, base) = (group.map(|g| g.id), form.base_revision.map(Revision));
            let master = &visit.state.master;
            match master.save_group(visit.actor()?, id, base, content).await {
                Ok(saved) => return Ok(go_to(&format!("{BASE}/schedule/groups/{}", saved.id))),
                Err(error) => match refusal(error, visit.lang)? {
                    Refused::Fields(errors) => (None, errors),
                    Refused::Reason(reason) => (Some(reason), Errors::default()),
                },
            }
        }
    };
    let t = &visit.t().schedule;
    let page = GroupForm {
        frame: visit.frame(Section::Schedule),
        title: if group.is_some() {
            t.edit_group
        } else {
            t.new_group
        },
        action: if group.is_some() {
            format!("{back}/edit")
        } else {
            format!("{back}/groups/new")
        },
        back,
        notice: notice.or_else(|| errors.notice(FIELDS, visit.lang)),
        errors,
        parent: parent_id.map_or(String::new(), |id| id.to_string()),
        base_revision: form.base_revision,
        name: form.name,
        big: form.kind == "big",
        description: form.description,
        config: form.config,
    };
    page_of(HttpResponse::UnprocessableEntity(), &page)
}

type Config = std::collections::BTreeMap<String, String>;

/// Reads the lines; a mask that comes back means that the secret stays as it was.
fn read_config(text: &str, before: Option<&Config>) -> std::result::Result<Config, FieldError> {
    let mut values =
        config::parse_lines(text).map_err(|e| FieldError::new("config", e.to_string()))?;
    for (key, value) in &mut values {
        let old = before.and_then(|before| before.get(key));
        if let Some(old) = old.filter(|_| config::is_secret(key) && value == config::MASK) {
            value.clone_from(old);
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_was_not_touched_stays() {
        let before = Config::from([("secret.key".to_owned(), "s3same".to_owned())]);
        let read = read_config("secret.key=******\nday=1\n", Some(&before)).unwrap();
        assert_eq!(read["secret.key"], "s3same");
        assert_eq!(read["day"], "1");
        assert_eq!(read_config("nonsense", None).unwrap_err().field, "config");
    }
}
