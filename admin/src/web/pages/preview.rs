//! A job's script as a run would get it: for any business time, with any parameters, and before
//! it is saved. The form of the page is sent whole by each of its buttons, so that it works without
//! scripts and every preview of a saved job has an address of its own.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use askama::Template;
use chrono::{Datelike as _, Days, Timelike as _};
use chrono_tz::Tz;
use hera_domain::check::check_values;
use hera_domain::clock::Timestamp;
use hera_domain::config;
use hera_domain::id::JobId;
use hera_domain::job::{FieldError, JobContent, JobDef, Params};
use hera_domain::vars::Download;

use super::fires::cron_of;
use super::frame::{Frame, Section};
use super::job::{Head, Tab, find, head, stored};
use super::parts::{Ago, Errors};
use super::preview_parts::{Line, Remark, VariableRow, Work, draw};
use super::run_dialog::local;
use super::schedule::tree_at;
use super::tree::Tree;
use super::visit::{Visit, page_of};
use crate::web::BASE;
use crate::web::error::Result;
use crate::web::preview::{Imagined, preview};

/// The page.
#[derive(Debug, Template)]
#[template(path = "job/preview.html")]
pub(super) struct PreviewPage {
    pub frame: Frame,
    pub tree: Tree,
    pub side_first: bool,
    pub head: Head,
    pub ask: Ask,
    pub says: Says,
    pub lines: Vec<Line>,
    pub variables: Vec<VariableRow>,
    pub files: Vec<Download>,
    pub version: String,
    pub batch_id: String,
    pub environment: Vec<(String, String)>,
}

/// What is asked: the form.
#[derive(Debug)]
pub(super) struct Ask {
    pub action: String,
    /// The text of the editor, which is not saved yet.
    pub draft: Option<Draft>,
    pub at: String,
    pub ago: Option<Ago>,
    pub zone: String,
    /// The versions beside it.
    pub earlier: Option<Near>,
    pub later: Option<Near>,
    pub params: Vec<(String, String)>,
    /// The parameter that was just taken over from the config, to be changed.
    pub focus: Option<String>,
    pub typed: String,
    pub errors: Errors,
}

impl Ask {
    /// Where this preview can be found again, without the buttons that led to it.
    fn address(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("at", &self.at);
        for (key, value) in &self.params {
            query.append_pair(&format!("param.{key}"), value);
        }
        format!("{}?{}", self.action, query.finish())
    }
}

/// What an editor holds.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub script: String,
    pub config: String,
    pub timezone: String,
    pub cron_period: String,
    pub cron_interval: String,
}

/// A version beside the one that is shown.
#[derive(Debug)]
pub(super) struct Near {
    pub value: String,
    pub word: String,
}

/// What there is to say of a script: why it cannot be rendered, and what stays as it is.
#[derive(Debug)]
pub(super) struct Says {
    pub error: Option<Remark>,
    /// Why a run would fail although the script can be rendered.
    pub unfetched: Option<Remark>,
    pub warnings: Vec<Remark>,
    /// The page on which the lines that are named can be seen.
    pub at: Option<String>,
    /// All of it is shown at once.
    pub open: bool,
}

/// The same for the editor, while its text is typed.
#[derive(Debug, Template)]
#[template(path = "job/says.html")]
struct SaysFragment {
    frame: Frame,
    says: Says,
}

/// A form or a query as it came.
#[derive(Debug, Default)]
struct Fields(Vec<(String, String)>);

impl Fields {
    /// The last value of a field: a button stands after the field that it changes.
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rfind(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    /// The parameters: `param.key` each, and a line `key=value` that was added.
    fn params(&self, wrong: &mut Vec<FieldError>) -> Params {
        let mut params = Params::new();
        for (name, value) in &self.0 {
            if let Some(key) = name.strip_prefix("param.") {
                params.insert(key.to_owned(), value.clone());
            }
        }
        match config::parse_lines(self.get("set").unwrap_or_default()) {
            Ok(more) => params.extend(more),
            Err(error) => wrong.push(FieldError::new("set", error.message)),
        }
        if let Some(key) = self.get("without") {
            params.remove(key);
        }
        wrong.extend(check_values("params", &params));
        params
    }

    fn draft(&self) -> Option<Draft> {
        Some(Draft {
            script: self.get("script")?.replace("\r\n", "\n"),
            config: self.text("config"),
            timezone: self.text("timezone"),
            cron_period: self.text("cron_period"),
            cron_interval: self.text("cron_interval"),
        })
    }
}

impl Draft {
    /// The content that it makes of the saved one.
    fn content(&self, saved: &JobContent, wrong: &mut Vec<FieldError>) -> JobContent {
        let mut content = saved.clone();
        content.script.clone_from(&self.script);
        match config::parse_lines(&self.config) {
            Ok(mut config) => {
                config::unmask(&mut config, &saved.config);
                content.config = config;
            }
            Err(error) => wrong.push(FieldError::new("config", error.to_string())),
        }
        if let Ok(zone) = self.timezone.trim().parse::<Tz>() {
            content.schedule.timezone = zone;
        }
        let period = self.cron_period.trim();
        content.cron_period = (!period.is_empty()).then(|| period.to_owned());
        content.cron_interval = self.cron_interval.trim().parse().ok();
        content
    }
}

/// `GET /schedule/jobs/{id}/preview?at=2026-11-20T06:30&param.limit=5`.
pub(super) async fn show(
    visit: Visit,
    id: web::Path<i64>,
    request: HttpRequest,
    query: web::Query<Vec<(String, String)>>,
) -> Result<HttpResponse> {
    let page = page(&visit, JobId(*id), &Fields(query.into_inner()), None).await?;
    let mut response = answer(&page)?;
    let address = HeaderValue::from_str(&page.ask.address());
    if let (true, Ok(address)) = (request.headers().contains_key("hx-request"), address) {
        let name = HeaderName::from_static("hx-push-url");
        response.headers_mut().insert(name, address);
    }
    Ok(response)
}

/// `POST /schedule/jobs/{id}/preview`: of what stands in the editor. To the editor itself it
/// answers the remarks only.
pub(super) async fn of_draft(
    visit: Visit,
    id: web::Path<i64>,
    request: HttpRequest,
    form: web::Form<Vec<(String, String)>>,
) -> Result<HttpResponse> {
    let fields = Fields(form.into_inner());
    let draft = fields.draft();
    let page = page(&visit, JobId(*id), &fields, draft).await?;
    if request.headers().contains_key("hx-request") && fields.get("at").is_none() {
        let PreviewPage {
            frame, mut says, ..
        } = page;
        says.at = None;
        return page_of(HttpResponse::Ok(), &SaysFragment { frame, says });
    }
    answer(&page)
}

fn answer(page: &PreviewPage) -> Result<HttpResponse> {
    let status = match page.ask.errors.0.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    page_of(HttpResponseBuilder::new(status), page)
}

async fn page(
    visit: &Visit,
    id: JobId,
    fields: &Fields,
    draft: Option<Draft>,
) -> Result<PreviewPage> {
    let defs = visit.state.master.definitions();
    let def = find(&defs, id)?;
    let saved = stored(visit, id).await?.content;
    let mut wrong = Vec::new();
    let content = match &draft {
        Some(draft) => draft.content(&saved, &mut wrong),
        None => saved,
    };
    let zone = content.schedule.timezone;
    let typed = fields.get("at").map(str::trim).filter(|at| !at.is_empty());
    let near = Around::of(visit, def, zone, typed.and_then(|at| instant(at, zone))).await;
    if typed.is_some_and(|at| instant(at, zone).is_none()) {
        wrong.push(FieldError::new("at", visit.t().run_dialog.bad_time));
    }
    let mut params = fields.params(&mut wrong);
    let imagined = Imagined {
        job: id,
        owner: def.owner,
        content: &content,
        at: near.at,
        params: &params,
    };
    let made = preview(&visit.state, imagined).await?;
    let drawn = draw(&made.rendered, &content.script, visit.lang);
    let focus = fields.get("override").map(str::to_owned);
    if let Some(name) = &focus
        && let Ok(rendered) = &made.rendered
        && let Some(used) = rendered.variables.iter().find(|used| used.name == *name)
    {
        params.entry(name.clone()).or_insert(used.value.clone());
    }
    let times = visit.times().in_zone(zone);
    let shown = |at: Timestamp| field(at, zone);
    let beside = |at: Timestamp| Near {
        value: field(at, zone),
        word: short(at, near.at, zone),
    };
    Ok(PreviewPage {
        frame: visit.frame(Section::Schedule),
        tree: tree_at(visit, id).await?,
        side_first: false,
        head: head(visit, &defs, def, Tab::Preview).await,
        ask: Ask {
            action: format!("{BASE}/schedule/jobs/{id}/preview"),
            draft,
            at: typed.map_or_else(|| shown(near.at), str::to_owned),
            ago: wrong.is_empty().then(|| times.ago(near.at)),
            zone: zone.to_string(),
            earlier: near.earlier.map(beside),
            later: near.later.map(beside),
            params: params
                .iter()
                .map(|(key, value)| (key.clone(), config::shown(key, value).to_owned()))
                .collect(),
            focus,
            typed: match wrong.iter().any(|error| error.field == "set") {
                true => fields.text("set"),
                false => String::new(),
            },
            errors: Errors(wrong).said_in(visit.lang),
        },
        says: drawn.says,
        lines: drawn.lines,
        variables: drawn.variables,
        files: drawn.files,
        version: made.version.to_string(),
        batch_id: made.batch_id,
        environment: made.environment.into_iter().collect(),
    })
}

/// What there is to say of a job's saved script at this moment.
pub(super) async fn says(visit: &Visit, def: &JobDef, content: &JobContent) -> Result<Says> {
    let imagined = Imagined {
        job: def.id,
        owner: def.owner,
        content,
        at: visit.state.clock.now(),
        params: &Params::new(),
    };
    let made = preview(&visit.state, imagined).await?;
    let Work { mut says, .. } = draw(&made.rendered, &content.script, visit.lang);
    says.open = false;
    says.at = Some(format!("{BASE}/schedule/jobs/{}/preview", def.id));
    Ok(says)
}

/// The business time that is shown, and those of the versions beside it.
struct Around {
    at: Timestamp,
    earlier: Option<Timestamp>,
    later: Option<Timestamp>,
}

impl Around {
    /// Around the time that is asked for, or else around the next version, or the last one.
    async fn of(visit: &Visit, def: &JobDef, zone: Tz, asked: Option<Timestamp>) -> Self {
        let now = visit.state.clock.now();
        let middle = asked.unwrap_or(now);
        let day = middle.with_timezone(&zone).date_naive();
        let mut times = Vec::new();
        let days = [
            day.checked_sub_days(Days::new(1)),
            Some(day),
            day.checked_add_days(Days::new(1)),
        ];
        for day in days.into_iter().flatten() {
            // Without a leader there is no plan to look at, and still a script.
            let found = visit.state.master.versions(def.id, day).await;
            times.extend(found.unwrap_or_default().iter().map(|v| v.business_time));
        }
        if asked.is_none() && !times.iter().any(|time| *time >= now) {
            times.extend(next_fire(def, now).await);
        }
        times.sort_unstable();
        let next = times.iter().find(|time| **time >= now);
        let at = asked.or(next.copied()).or(times.last().copied());
        let at = at.unwrap_or(now);
        let later = times.iter().find(|time| **time > at).copied();
        Self {
            at,
            earlier: times.iter().rfind(|time| **time < at).copied(),
            later: match later {
                Some(later) => Some(later),
                None => next_fire(def, at).await,
            },
        }
    }
}

/// The next fire beyond the days that were looked at. An expression may fire once in four years:
/// looking for it is work for another thread.
async fn next_fire(def: &JobDef, after: Timestamp) -> Option<Timestamp> {
    let cron = cron_of(def)?;
    let schedule = def.schedule();
    let (zone, validity) = (schedule.timezone, schedule.validity);
    let found = web::block(move || cron.fires_within(zone, validity, after).next()).await;
    found.ok().flatten()
}

/// Reads what a date-time field sends, or what a program writes.
fn instant(text: &str, zone: Tz) -> Option<Timestamp> {
    let absolute = chrono::DateTime::parse_from_rfc3339(text);
    absolute
        .map(|at| at.to_utc())
        .ok()
        .or_else(|| local(text, zone))
}

/// An instant as a date-time field shows it.
pub(super) fn field(at: Timestamp, zone: Tz) -> String {
    let local = at.with_timezone(&zone).naive_local();
    local.format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// An instant beside another one: with the year where it differs, with seconds where there are any.
fn short(at: Timestamp, beside: Timestamp, zone: Tz) -> String {
    let (at, beside) = (at.with_timezone(&zone), beside.with_timezone(&zone));
    let date = match at.year() == beside.year() {
        true => "%m-%d",
        false => "%Y-%m-%d",
    };
    let time = match at.second() {
        0 => "%H:%M",
        _ => "%H:%M:%S",
    };
    at.format(&format!("{date} {time}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Fields(pairs.iter().map(owned).collect())
    }

    #[test]
    fn parameters_are_changed_added_and_taken_away_by_the_form() {
        let mut wrong = Vec::new();
        let form = fields(&[
            ("param.a", "1"),
            ("param.b", "2"),
            ("set", " c = x=y "),
            ("without", "a"),
        ]);
        let params = form.params(&mut wrong);
        assert_eq!(config::to_lines(&params), "b=2\nc=x=y\n");
        assert!(wrong.is_empty());
        fields(&[("set", "no sign"), ("param.day", "${zdt.x()}")]).params(&mut wrong);
        let named: Vec<_> = wrong.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(named, ["set", "params.day"]);
    }

    #[test]
    fn a_time_is_read_as_the_field_and_as_programs_write_it() {
        let zone = Tz::Asia__Shanghai;
        let at = instant("2026-11-20T06:30", zone).unwrap();
        assert_eq!(instant("2026-11-19T22:30:00Z", zone), Some(at));
        assert_eq!(instant(&field(at, zone), zone), Some(at));
        assert_eq!(instant("soon", zone), None);
    }
}
