//! The HTTP API as a client uses it.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::sse::Stream;
use crate::{PATIENCE, eventually};

/// A client with a token.
#[derive(Debug, Clone)]
pub struct Api {
    agent: ureq::Agent,
    base: String,
    token: String,
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

impl Reply {
    /// The body of an answer that must be a success.
    ///
    /// # Panics
    /// When it is none.
    pub fn ok(self) -> Value {
        assert!(
            (200..300).contains(&self.status),
            "answered {}: {}",
            self.status,
            self.body
        );
        self.body
    }
}

impl Api {
    /// A client of `http://host:port/hera`.
    pub fn new(base: &str, token: &str) -> Self {
        Self::with_patience(base, token, PATIENCE)
    }

    /// A client that waits no longer for an answer.
    pub fn with_patience(base: &str, token: &str, patience: Duration) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_recv_response(Some(patience))
            .timeout_recv_body(Some(patience))
            .timeout_connect(Some(patience.min(Duration::from_secs(5))))
            .proxy(None)
            .build();
        Self {
            agent: agent.into(),
            base: base.to_owned(),
            token: token.to_owned(),
        }
    }

    /// Another admin of the same installation.
    #[must_use]
    pub fn at(&self, base: &str) -> Self {
        Self {
            base: base.to_owned(),
            ..self.clone()
        }
    }

    /// The same installation with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// A page outside the API: `/readyz`, `/metrics`.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn page(&self, path: &str) -> anyhow::Result<(u16, String)> {
        let mut response = self.agent.get(format!("{}{path}", self.base)).call()?;
        let text = response.body_mut().read_to_string()?;
        Ok((response.status().as_u16(), text))
    }

    /// GET.
    ///
    /// # Errors
    /// When nobody answers, or not in JSON.
    pub fn get(&self, path: &str) -> anyhow::Result<Reply> {
        let request = self.agent.get(self.url(path));
        reply(request.header("authorization", self.bearer()).call()?)
    }

    /// POST with a JSON body.
    ///
    /// # Errors
    /// When nobody answers, or not in JSON.
    pub fn post(&self, path: &str, body: &Value) -> anyhow::Result<Reply> {
        let request = self.agent.post(self.url(path));
        reply(
            request
                .header("authorization", self.bearer())
                .send_json(body)?,
        )
    }

    /// POST that is done once, however often it is asked for with the same key.
    ///
    /// # Errors
    /// When nobody answers, or not in JSON.
    pub fn post_once(&self, path: &str, key: &str, body: &Value) -> anyhow::Result<Reply> {
        let request = self
            .agent
            .post(self.url(path))
            .header("authorization", self.bearer())
            .header("idempotency-key", key);
        reply(request.send_json(body)?)
    }

    /// PUT with a JSON body.
    ///
    /// # Errors
    /// When nobody answers, or not in JSON.
    pub fn put(&self, path: &str, body: &Value) -> anyhow::Result<Reply> {
        let request = self.agent.put(self.url(path));
        reply(
            request
                .header("authorization", self.bearer())
                .send_json(body)?,
        )
    }

    /// DELETE.
    ///
    /// # Errors
    /// When nobody answers, or not in JSON.
    pub fn delete(&self, path: &str) -> anyhow::Result<Reply> {
        let request = self.agent.delete(self.url(path));
        reply(request.header("authorization", self.bearer()).call()?)
    }

    /// POST with bytes that claim to be JSON.
    ///
    /// # Errors
    /// When nobody answers, or not in JSON.
    pub fn post_bytes(&self, path: &str, body: &[u8]) -> anyhow::Result<Reply> {
        let request = self
            .agent
            .post(self.url(path))
            .header("authorization", self.bearer())
            .header("content-type", "application/json");
        reply(request.send(body)?)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.base)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

/// What tests ask of an installation that is well.
impl Api {
    /// A new group below the root; its id.
    ///
    /// # Panics
    /// When it is refused.
    pub fn create_group(&self, name: &str) -> i64 {
        let root = self.root_group();
        let group = json!({"parent_id": root, "name": name, "kind": "small", "description": "", "config": {}});
        id(&self.must(self.post("/groups", &group)))
    }

    /// The id of the root group.
    ///
    /// # Panics
    /// When there is none.
    pub fn root_group(&self) -> i64 {
        id(&self.must(self.get("/groups"))["items"][0])
    }

    /// A new job, opened; its id.
    ///
    /// # Panics
    /// When it is refused.
    pub fn create_job(&self, group: i64, name: &str, script: &str, schedule: &Value) -> i64 {
        let job = json!({
            "group_id": group, "name": name, "description": "", "run_type": "shell",
            "script": script, "schedule": schedule, "config": {},
        });
        let job = id(&self.must(self.post("/jobs", &job)));
        self.must(self.post(&format!("/jobs/{job}/open"), &json!({})));
        job
    }

    /// Starts a job by hand with the trigger that counts; the run's id.
    ///
    /// # Panics
    /// When it is refused.
    pub fn recover(&self, job: i64) -> i64 {
        let body =
            self.must(self.post(&format!("/jobs/{job}/runs"), &json!({"trigger": "recover"})));
        body["run_id"].as_i64().expect("the run has an id")
    }

    /// A run as it is now.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn run(&self, run: i64) -> Value {
        self.must(self.get(&format!("/runs/{run}")))
    }

    /// Runs that match a query, all pages of them.
    ///
    /// # Panics
    /// When they cannot be read.
    pub fn runs(&self, query: &str) -> Vec<Value> {
        let mut runs = Vec::new();
        let mut cursor = String::new();
        loop {
            let mut page = self.must(self.get(&format!("/runs?limit=1000&{query}{cursor}")));
            runs.append(page["items"].as_array_mut().expect("a list"));
            let next = &page["next"];
            if next.is_null() {
                return runs;
            }
            cursor = match next.as_str() {
                Some(text) => format!("&cursor={text}"),
                None => format!("&cursor={next}"),
            };
        }
    }

    /// Waits until a run is final, and gives it back.
    ///
    /// # Panics
    /// When it takes too long.
    pub fn finished(&self, run: i64) -> Value {
        eventually(&format!("run {run} ends"), || {
            // An admin that is just being restarted does not answer.
            let run = self.get(&format!("/runs/{run}")).ok()?;
            (run.status == 200 && is_final(&run.body)).then_some(run.body)
        })
    }

    /// All that is stored of a run's log.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn log(&self, run: i64) -> Vec<u8> {
        self.read_log(run).expect("the log can be read").0
    }

    /// All that is stored of a run's log, and whether that is all there will be.
    ///
    /// # Errors
    /// When nobody answers, or not with a log.
    pub fn read_log(&self, run: i64) -> anyhow::Result<(Vec<u8>, bool)> {
        let mut response = self
            .agent
            .get(self.url(&format!("/runs/{run}/log")))
            .header("authorization", self.bearer())
            .call()?;
        let status = response.status();
        let complete = response
            .headers()
            .get("x-log-complete")
            .is_some_and(|value| value == "true");
        let bytes = response
            .body_mut()
            .with_config()
            .limit(64 << 20)
            .read_to_vec()?;
        ensure!(status.is_success(), "answered {status}");
        Ok((bytes, complete))
    }

    /// The live stream of a run's log.
    ///
    /// # Errors
    /// When it is refused.
    pub fn stream(&self, run: i64) -> anyhow::Result<Stream> {
        let response = self
            .agent
            .get(self.url(&format!("/runs/{run}/log/stream")))
            .header("authorization", self.bearer())
            .header("accept", "text/event-stream")
            .call()?;
        let status = response.status();
        ensure!(status.is_success(), "the stream answered {status}");
        Ok(Stream::new(response.into_body()))
    }

    /// Waits until the live log of a run shows `text`.
    ///
    /// # Panics
    /// When the stream ends before.
    pub fn wait_for_log(&self, run: i64, text: &str) {
        let mut stream = self.stream(run).expect("the log streams");
        let mut seen = String::new();
        while let Some(message) = stream.next_message().expect("the stream goes on") {
            if message.event == "log" {
                seen.push_str(&message.data);
            }
            if seen.contains(text) {
                return;
            }
        }
        assert!(seen.contains(text), "{text:?} is not in {seen:?}");
    }

    /// How many workers are connected.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn connected_workers(&self) -> anyhow::Result<usize> {
        let workers = self.get("/workers")?;
        let workers = workers.body["items"].as_array().cloned();
        Ok(workers
            .context("not a list")?
            .iter()
            .filter(|worker| worker["connected"] == true)
            .count())
    }

    #[expect(clippy::unused_self, reason = "reads well where it is used")]
    fn must(&self, reply: anyhow::Result<Reply>) -> Value {
        reply.expect("the admin answers").ok()
    }
}

fn is_final(run: &Value) -> bool {
    ["success", "failed", "cancelled", "lost"]
        .iter()
        .any(|status| run["status"] == *status)
}

fn id(body: &Value) -> i64 {
    body["id"].as_i64().expect("it has an id")
}

fn reply(mut response: ureq::http::Response<ureq::Body>) -> anyhow::Result<Reply> {
    let status = response.status().as_u16();
    let text = response.body_mut().read_to_string()?;
    let body = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).with_context(|| format!("{status} is no JSON: {text}"))?
    };
    Ok(Reply { status, body })
}
