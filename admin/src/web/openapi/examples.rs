//! An example of everything that the API takes and answers. Those of bodies stand beside their
//! types; the rest is in `examples.json`, by the names of the types and the parameters.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::Modify;
use utoipa::openapi::path::{Parameter, ParameterBuilder};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Schema};

use crate::access::Right;
use crate::web::error::Error;

const LIST: &str = "List_";

#[derive(Deserialize)]
struct Known {
    /// By the name of the type, if it is one of ours, or of the parameter.
    parameters: Map<String, Value>,
    /// By the name of the type, or the type of the content.
    answers: Map<String, Value>,
}

/// Puts an example beside every parameter and every answer.
pub(super) struct Examples;

impl Modify for Examples {
    fn modify(&self, document: &mut OpenApi) {
        let known: Known = serde_json::from_str(include_str!("examples.json"))
            .expect("the examples are read by a test");
        super::each(document, |_, _, _: Right, operation| {
            for parameter in operation.parameters.iter_mut().flatten() {
                let RefOr::T(parameter) = parameter else {
                    continue;
                };
                if let Some(example) = known.parameter(parameter).cloned() {
                    let with = ParameterBuilder::from(parameter.clone()).example(Some(example));
                    *parameter = with.build();
                }
            }
            for (status, answer) in &mut operation.responses.responses {
                let RefOr::T(answer) = answer else { continue };
                for (kind, content) in &mut answer.content {
                    let RefOr::T(content) = content else { continue };
                    content.example = match status.starts_with('2') {
                        true => known.answer(kind, content),
                        false => refusal(status),
                    };
                }
            }
        });
    }
}

impl Known {
    fn parameter(&self, parameter: &Parameter) -> Option<&Value> {
        let named = parameter.schema.as_ref().and_then(name);
        let named = named.and_then(|name| self.parameters.get(name));
        named.or_else(|| self.parameters.get(&parameter.name))
    }

    fn answer(&self, kind: &str, content: &Content) -> Option<Value> {
        let Some(name) = content.schema.as_ref().and_then(name) else {
            return self.answers.get(kind).cloned();
        };
        match name.strip_prefix(LIST) {
            None => self.answers.get(name).cloned(),
            Some(item) => {
                let items = [self.answers.get(item)?];
                Some(json!({"items": items, "next": null}))
            }
        }
    }
}

/// The name of the type that a schema refers to.
fn name(schema: &RefOr<Schema>) -> Option<&str> {
    match schema {
        RefOr::Ref(Ref { ref_location, .. }) => ref_location.rsplit('/').next(),
        RefOr::T(_) => None,
    }
}

/// A refusal with this status, as it is answered.
fn refusal(status: &str) -> Option<Value> {
    let error = match status {
        "400" => Error::Malformed("the body is not valid JSON: expected `,` or `}`".to_owned()),
        "401" => Error::Unauthenticated("log in, or send a token that is valid".to_owned()),
        "403" => Error::Forbidden("lin may not do this: it needs the right to edit".to_owned()),
        "404" => Error::NotFound("job 7".to_owned()),
        "409" => Error::Conflict("job 7 cannot be closed: job 8 depends on it".to_owned()),
        "412" => Error::Stale("this was based on revision 2; revision 3 is the newest".to_owned()),
        "413" => Error::TooLarge { limit: 104_857_600 },
        "422" => Error::invalid("name", "is blank; give the job a name"),
        "429" => Error::Throttled(std::time::Duration::from_secs(30)),
        "503" => Error::Unavailable("no admin leads at the moment; try again".to_owned()),
        _ => return None,
    };
    serde_json::to_value(error.problem()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        serde_json::to_value(super::super::document("c")).unwrap()
    }

    /// Where a value is not as a schema says, if it is not.
    fn unfit(all: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
        if let Some(name) = schema["$ref"].as_str() {
            let schema = all.pointer(name.trim_start_matches('#')).unwrap();
            return unfit(all, schema, value, at);
        }
        if let Some(one) = schema["oneOf"].as_array() {
            let fits = one.iter().any(|s| unfit(all, s, value, at).is_none());
            return (!fits).then(|| format!("{at} is none of its kinds: {value}"));
        }
        if let Some(parts) = schema["allOf"].as_array() {
            return parts.iter().find_map(|s| unfit(all, s, value, at));
        }
        if schema["enum"]
            .as_array()
            .is_some_and(|words| !words.contains(value))
        {
            return Some(format!("{at} is not one of its words: {value}"));
        }
        let kinds = match schema["type"].as_array() {
            Some(kinds) => kinds.clone(),
            None if schema["type"].is_null() => return None,
            None => vec![schema["type"].clone()],
        };
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        if !kinds
            .iter()
            .any(|k| k == kind || (k == "number" && kind == "integer"))
        {
            return Some(format!("{at} is {kind}, not {kinds:?}"));
        }
        let required = schema["required"].as_array().into_iter().flatten();
        let missing = required
            .filter_map(Value::as_str)
            .find(|name| value.get(name).is_none());
        if let Some(name) = missing {
            return Some(format!("{at} has no {name}"));
        }
        let members = value.as_object().into_iter().flatten();
        let items = value.as_array().into_iter().flatten();
        let members = members.filter_map(|(name, value)| {
            let schema = schema["properties"].get(name)?;
            unfit(all, schema, value, &format!("{at}.{name}"))
        });
        let items = items.filter_map(|item| unfit(all, &schema["items"], item, &format!("{at}[]")));
        members.chain(items).next()
    }

    /// The examples of a document with their schemas, and where they stand.
    fn examples(all: &Value) -> Vec<(String, &Value, Option<&Value>)> {
        let mut found = Vec::new();
        for (path, item) in all["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let at = format!("{method} {path}");
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    let at = format!("{at} {}", parameter["name"]);
                    found.push((at, &parameter["schema"], parameter.get("example")));
                }
                let body = operation.get("requestBody").map(|body| ("body", body));
                let answers = operation["responses"].as_object().unwrap();
                let answers = answers
                    .iter()
                    .map(|(status, answer)| (status.as_str(), answer));
                for (which, part) in body.into_iter().chain(answers) {
                    for content in part["content"].as_object().into_iter().flatten() {
                        let (at, content) = (format!("{at} {which}"), content.1);
                        let of_type = || example_of(all, &content["schema"]);
                        let example = content.get("example").or_else(of_type);
                        found.push((at, &content["schema"], example));
                    }
                }
            }
        }
        found
    }

    fn example_of<'a>(all: &'a Value, schema: &Value) -> Option<&'a Value> {
        let choices = schema["oneOf"].as_array().into_iter().flatten();
        let mut names = std::iter::once(schema).chain(choices);
        let name = names.find_map(|schema| schema["$ref"].as_str())?;
        all.pointer(name.trim_start_matches('#'))?.get("example")
    }

    #[test]
    fn everything_that_is_taken_or_answered_has_an_example_that_is_true_to_its_type() {
        let all = document();
        let found = examples(&all);
        assert!(found.len() > 300, "{} are looked at", found.len());
        let wrong: Vec<_> = found
            .into_iter()
            .filter_map(|(at, schema, example)| match example {
                None => Some(format!("{at} has no example")),
                Some(example) => unfit(&all, schema, example, &at),
            })
            .collect();
        assert_eq!(wrong, [] as [String; 0], "{wrong:#?}");
    }

    #[test]
    fn every_example_is_used() {
        let known: Known = serde_json::from_str(include_str!("examples.json")).unwrap();
        let all = document();
        let shown: Vec<_> = examples(&all).into_iter().filter_map(|(.., e)| e).collect();
        for (name, example) in known.answers.iter().chain(&known.parameters) {
            let used = shown
                .iter()
                .any(|e| *e == example || e["items"][0] == *example);
            assert!(used, "{name}");
        }
    }

    #[test]
    fn what_is_not_true_to_its_type_is_found() {
        let all = document();
        let schema = json!({"$ref": "#/components/schemas/CancelledJson"});
        assert!(unfit(&all, &schema, &json!({"run_id": 1}), "x").is_none());
        assert_eq!(
            unfit(&all, &schema, &json!({}), "x").unwrap(),
            "x has no run_id"
        );
        let text = unfit(&all, &schema, &json!({"run_id": "1"}), "x").unwrap();
        assert!(text.starts_with("x.run_id is string"), "{text}");
    }
}
