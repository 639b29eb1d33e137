//! The API for people: the same document that machines read, as a page.

use actix_web::HttpResponse;
use askama::Template;
use serde_json::Value;

use super::frame::{Frame, Section};
use super::visit::{Visit, html};
use crate::web::error::{Error, Result};
use crate::web::{BASE, openapi};

/// `GET /hera/api/docs`.
#[derive(Debug, Template)]
#[template(path = "api/page.html")]
pub(super) struct ApiPage {
    pub frame: Frame,
    pub document: String,
    pub chapters: Vec<Chapter>,
    pub schemas: Vec<Schema>,
}

/// The operations of one subject.
#[derive(Debug)]
pub(super) struct Chapter {
    pub name: String,
    pub operations: Vec<Operation>,
}

#[derive(Debug)]
pub(super) struct Operation {
    pub id: String,
    pub method: String,
    pub path: String,
    pub summary: String,
    pub params: Vec<Field>,
    pub body: Option<Kind>,
    /// A body as it may be sent.
    pub example: Option<String>,
    /// What it answers when all is well.
    pub answer: Option<String>,
    pub answers: Vec<Answer>,
}

/// A parameter, or a field of a schema.
#[derive(Debug)]
pub(super) struct Field {
    pub name: String,
    pub kind: Kind,
    /// Where a parameter stands.
    pub place: String,
    pub required: bool,
    pub about: String,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub status: String,
    pub about: String,
    pub kind: Option<Kind>,
}

#[derive(Debug)]
pub(super) struct Schema {
    pub name: String,
    pub about: String,
    pub words: Vec<String>,
    pub fields: Vec<Field>,
}

/// A type in a few words; `schema` is where it is explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kind {
    pub text: String,
    pub schema: Option<String>,
}

/// `GET /hera/api/docs`.
pub(super) async fn show(visit: Visit) -> Result<HttpResponse> {
    let document = openapi::document(&visit.state.cookie_name());
    let document = serde_json::to_value(document).map_err(|e| Error::Internal(e.into()))?;
    html(&page(visit.frame(Section::Profile), &document))
}

pub(super) fn page(frame: Frame, document: &Value) -> ApiPage {
    let mut chapters: Vec<Chapter> = Vec::new();
    for (path, item) in members(&document["paths"]) {
        for (method, operation) in members(item) {
            let name = text(&operation["tags"][0]);
            let known = chapters.iter_mut().position(|chapter| chapter.name == name);
            let index = known.unwrap_or_else(|| {
                chapters.push(Chapter {
                    name,
                    operations: Vec::new(),
                });
                chapters.len() - 1
            });
            let operation = self::operation(path, method, operation, document);
            chapters[index].operations.push(operation);
        }
    }
    let schemas = members(&document["components"]["schemas"]);
    ApiPage {
        frame,
        document: format!("{BASE}/api/v1/openapi.json"),
        chapters,
        schemas: schemas
            .map(|(name, schema)| self::schema(name, schema))
            .collect(),
    }
}

fn operation(path: &str, method: &str, operation: &Value, document: &Value) -> Operation {
    let params = operation["parameters"].as_array().into_iter().flatten();
    let body = operation["requestBody"]["content"]["application/json"].get("schema");
    let answers = members(&operation["responses"]);
    Operation {
        id: text(&operation["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        params: params
            .map(|param| Field {
                name: text(&param["name"]),
                kind: kind(&param["schema"]),
                place: text(&param["in"]),
                required: param["required"] == true,
                about: text(&param["description"]),
            })
            .collect(),
        example: body.and_then(|schema| example(schema, document)),
        body: body.map(kind),
        answer: members(&operation["responses"])
            .find(|(status, _)| status.starts_with('2'))
            .and_then(|(_, answer)| members(&answer["content"]).next())
            .and_then(|(_, content)| content.get("example"))
            .map(|example| match example.as_str() {
                Some(text) => text.to_owned(),
                None => format!("{example:#}"),
            }),
        answers: answers
            .map(|(status, answer)| Answer {
                status: status.to_owned(),
                about: text(&answer["description"]),
                kind: members(&answer["content"])
                    .next()
                    .map(|(_, content)| kind(&content["schema"])),
            })
            .collect(),
    }
}

fn schema(name: &str, schema: &Value) -> Schema {
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|n| n == name));
    let words = schema["enum"].as_array().into_iter().flatten();
    // A type that is one of several, or another one and more, has all their fields.
    let parts = ["allOf", "oneOf"].into_iter();
    let parts = parts.flat_map(|of| schema[of].as_array().into_iter().flatten());
    let fields = std::iter::once(schema)
        .chain(parts)
        .flat_map(|part| members(&part["properties"]));
    Schema {
        name: name.to_owned(),
        about: text(&schema["description"]),
        words: words.map(text).collect(),
        fields: fields
            .map(|(name, field)| Field {
                name: name.to_owned(),
                kind: kind(field),
                place: String::new(),
                required: is_required(name),
                about: text(&field["description"]),
            })
            .collect(),
    }
}

/// A type in words.
fn kind(schema: &Value) -> Kind {
    let plain = |text: String| Kind { text, schema: None };
    if let Some(name) = referred(schema) {
        return Kind {
            text: name.to_owned(),
            schema: Some(name.to_owned()),
        };
    }
    let wrapped = |inner: Kind, text: &dyn Fn(&str) -> String| Kind {
        text: text(&inner.text),
        schema: inner.schema,
    };
    if let Some(choices) = schema["oneOf"].as_array() {
        // One of them is null: the field may be missing.
        let real = choices.iter().find(|choice| choice["type"] != "null");
        return real.map_or_else(|| plain("null".to_owned()), kind);
    }
    if let Some(values) = schema.get("additionalProperties").filter(|v| v.is_object()) {
        return wrapped(kind(values), &|text| format!("{{name: {text}}}"));
    }
    let name = match schema["type"].as_array() {
        Some(names) => names
            .iter()
            .find_map(|name| name.as_str().filter(|n| *n != "null")),
        None => schema["type"].as_str(),
    };
    match name {
        Some("array") => wrapped(kind(&schema["items"]), &|text| format!("[{text}]")),
        Some("string") if schema["format"] == "date-time" => plain("time".to_owned()),
        Some(name) => plain(name.to_owned()),
        None => plain("any".to_owned()),
    }
}

fn referred(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// The example of the schema that a body refers to.
fn example(schema: &Value, document: &Value) -> Option<String> {
    let choices = schema["oneOf"].as_array().into_iter().flatten();
    let name = std::iter::once(schema).chain(choices).find_map(referred)?;
    let example = document["components"]["schemas"][name].get("example")?;
    serde_json::to_string_pretty(example).ok()
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = value.as_object().into_iter().flatten();
    members.map(|(name, value)| (name.as_str(), value))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_read_as_people_say_them() {
        let said = |schema: Value| kind(&schema).text;
        assert_eq!(said(json!({"$ref": "#/components/schemas/Edge"})), "Edge");
        assert_eq!(said(json!({"type": ["integer", "null"]})), "integer");
        assert_eq!(
            said(json!({"type": "string", "format": "date-time"})),
            "time"
        );
        assert_eq!(
            said(json!({"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/JobId"}]})),
            "JobId"
        );
        let list = json!({"type": "array", "items": {"$ref": "#/components/schemas/Edge"}});
        assert_eq!(said(list.clone()), "[Edge]");
        assert_eq!(kind(&list).schema.as_deref(), Some("Edge"));
        let map = json!({"type": "object", "additionalProperties": {"type": "string"}});
        assert_eq!(said(map), "{name: string}");
        assert_eq!(said(json!({})), "any");
    }
}
