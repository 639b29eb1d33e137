//! The API's client: where the admin is, and as whom we speak.

use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::TimeDelta;
use clap::Args;
use hera_domain::clock::{Clock as _, SystemClock};
use hera_domain::job::FieldError;
use hera_settings::{Report, Settings};
use serde_json::Value;

use super::database::open_ready;
use super::people::make_token;
use super::{block_on, table};
use crate::store::Store;
use crate::web::password::FIRST_USER;

/// A borrowed token lives as long as the command; should the command be killed, so long at most.
/// No run that is waited for takes longer.
const BORROWED: TimeDelta = TimeDelta::days(2);
/// How long an admin that has been reached may take before its answer begins.
const ANSWER: Duration = Duration::from_secs(60);

/// Which admin, as whom, and how the answer looks.
#[derive(Debug, Clone, Args)]
pub(super) struct Remote {
    /// Address of an admin, as `http://host:8080/hera`; by default the one of these settings
    #[arg(long, env = "HERA_URL", value_name = "URL", global = true)]
    url: Option<String>,
    /// Token of a user; on the admin's own machine one is made for this command
    #[arg(
        long,
        env = "HERA_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true,
        global = true
    )]
    token: Option<String>,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// What the admin said to a request that it did not carry out.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub(super) struct Refused {
    pub(super) status: u16,
    detail: String,
    /// The values that are wrong, if it is about values.
    pub(super) errors: Vec<FieldError>,
}

/// A client of one admin.
pub(super) struct Client {
    agent: ureq::Agent,
    base: String,
    token: String,
    /// The token that was made for this command.
    borrowed: Option<(Store, i64)>,
}

impl Remote {
    /// Finds the admin. Without a token but with the right to read the database, a token is made
    /// that lives as long as the command.
    pub(super) fn connect(
        &self,
        load: impl FnOnce() -> anyhow::Result<(Settings, Report)>,
    ) -> anyhow::Result<Client> {
        let (base, token, borrowed) = match (&self.url, &self.token) {
            (Some(url), Some(token)) => (url.clone(), token.clone(), None),
            (Some(url), None) => {
                bail!("{url} wants a token; give one with --token or HERA_TOKEN")
            }
            (None, Some(token)) => (local_url(&load()?.0), token.clone(), None),
            (None, None) => {
                let settings = load()?.0;
                let (store, id, token) = block_on(borrow(&settings))?;
                (local_url(&settings), token, Some((store, id)))
            }
        };
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_send_request(Some(ANSWER))
            .timeout_recv_response(Some(ANSWER))
            .build();
        Ok(Client {
            agent: agent.into(),
            base: base.trim_end_matches('/').to_owned(),
            token,
            borrowed,
        })
    }
}

fn local_url(settings: &Settings) -> String {
    let bind = settings.web.bind;
    let host = match bind {
        std::net::IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
        std::net::IpAddr::V6(ip) if ip.is_unspecified() => "[::1]".to_owned(),
        std::net::IpAddr::V4(ip) => ip.to_string(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
    };
    format!("http://{host}:{}{}", settings.web.port, crate::web::BASE)
}

async fn borrow(settings: &Settings) -> anyhow::Result<(Store, i64, String)> {
    let store = open_ready(settings).await?;
    let owner = store.user_by_name(FIRST_USER.to_owned()).await?;
    let owner = owner
        .with_context(|| format!("there is no user {FIRST_USER} to act for; give a --token"))?;
    let now = SystemClock.now();
    let end = now + BORROWED;
    let (id, token) = make_token(&store, &owner, "command line", Some(end), now).await?;
    Ok((store, id, token))
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some((store, id)) = self.borrowed.take() {
            // It expires by itself if this does not work.
            drop(block_on(async { Ok(store.delete_token(id).await?) }));
        }
    }
}

impl Client {
    pub(super) fn get(&self, path: &str) -> anyhow::Result<Value> {
        json(self.open(path)?)
    }

    /// The response to a GET, its body still unread.
    pub(super) fn open(&self, path: &str) -> anyhow::Result<ureq::http::Response<ureq::Body>> {
        let request = self.agent.get(self.url(path));
        let answer = request.header("authorization", self.bearer()).call();
        self.success(answer)
    }

    /// The same, for a body that has no end of its own: it is read for so long.
    pub(super) fn open_for(
        &self,
        path: &str,
        time: Duration,
    ) -> anyhow::Result<ureq::http::Response<ureq::Body>> {
        let request = self.agent.get(self.url(path));
        let request = request.header("authorization", self.bearer());
        let request = request.config().timeout_recv_body(Some(time)).build();
        self.success(request.call())
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.agent.post(self.url(path));
        let answer = request
            .header("authorization", self.bearer())
            .send_json(body);
        json(self.success(answer)?)
    }

    pub(super) fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.agent.put(self.url(path));
        let answer = request
            .header("authorization", self.bearer())
            .send_json(body);
        json(self.success(answer)?)
    }

    pub(super) fn delete(&self, path: &str) -> anyhow::Result<()> {
        let request = self.agent.delete(self.url(path));
        let answer = request.header("authorization", self.bearer()).call();
        self.success(answer).map(drop)
    }

    /// Every item of a list, page by page.
    pub(super) fn all(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let mut page = self.get(&format!("{path}{joint}limit=1000{cursor}"))?;
            if let Some(more) = page["items"].as_array_mut() {
                items.append(more);
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(items),
            }
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.base)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    fn success(
        &self,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> anyhow::Result<ureq::http::Response<ureq::Body>> {
        let mut answer = answer.with_context(|| {
            format!(
                "no admin answers at {}; start it, or name another with --url",
                self.base
            )
        })?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let text = answer.body_mut().read_to_string().unwrap_or_default();
        let problem: Value = serde_json::from_str(&text).unwrap_or_default();
        let Some(detail) = problem["detail"].as_str() else {
            bail!("{} answered {}", self.base, answer.status());
        };
        Err(Refused {
            status: answer.status().as_u16(),
            detail: detail.to_owned(),
            errors: field_errors(&problem["errors"]),
        }
        .into())
    }
}

fn field_errors(errors: &Value) -> Vec<FieldError> {
    let errors = errors.as_array().into_iter().flatten();
    errors
        .map(|error| FieldError::new(table::cell(&error["field"]), table::cell(&error["message"])))
        .collect()
}

fn json(mut answer: ureq::http::Response<ureq::Body>) -> anyhow::Result<Value> {
    let text = answer
        .body_mut()
        .with_config()
        .limit(64 << 20)
        .read_to_string()?;
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).context("the answer is no JSON; is that a HERA admin?")
}

/// Prints a list as a table of these columns, or as it is.
pub(super) fn print_list(
    items: &[Value],
    columns: &[(&str, &str)],
    as_json: bool,
) -> anyhow::Result<()> {
    if as_json {
        return table::say(&serde_json::to_string_pretty(items)?);
    }
    let head: Vec<&str> = columns.iter().map(|(head, _)| *head).collect();
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| {
            let cells = columns.iter();
            let at = |path: &str| item.pointer(path).map(table::cell).unwrap_or_default();
            cells
                .map(|(_, path)| table::short_time(&at(path)))
                .collect()
        })
        .collect();
    table::print(&head, &rows)
}

/// Prints one thing, a line per field that says something, texts of many lines last; or as it is.
pub(super) fn print_one(item: &Value, as_json: bool) -> anyhow::Result<()> {
    if as_json || !item.is_object() {
        return table::say(&serde_json::to_string_pretty(item)?);
    }
    let mut fields = Vec::new();
    flatten("", item, &mut fields);
    fields.sort_by_key(|(_, text)| text.contains('\n'));
    let rows = fields.iter().flat_map(|(name, text)| {
        let names = std::iter::once(name.as_str()).chain(std::iter::repeat(""));
        let lines = names.zip(text.trim_end_matches('\n').split('\n'));
        lines.map(|(name, line)| vec![name.to_owned(), table::short_time(line)])
    });
    table::print(&["FIELD", "VALUE"], &rows.collect::<Vec<_>>())
}

fn flatten(name: &str, value: &Value, fields: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Object(inner) => {
            for (key, value) in inner {
                let joint = if name.is_empty() { "" } else { "." };
                flatten(&format!("{name}{joint}{key}"), value, fields);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{name}[{index}]"), item, fields);
            }
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(table::cell).collect();
            if !items.is_empty() {
                fields.push((name.to_owned(), items.join(", ")));
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let text = table::cell(value);
            if !text.is_empty() {
                fields.push((name.to_owned(), text));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_that_say_nothing_are_not_shown() {
        let mut fields = Vec::new();
        let item = json!({
            "a": null, "b": [], "c": {"d": 1, "e": [1, "x"]}, "f": [{"g": true}], "h": "",
        });
        flatten("", &item, &mut fields);
        let shown: Vec<String> = fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(shown, ["c.d=1", "c.e=1, x", "f[0].g=true"]);
    }
}
