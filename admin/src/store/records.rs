//! The audit: who did what, when.

use diesel::prelude::*;
use hera_domain::clock::Timestamp;

use super::commit::CommitError;
use super::dialect::{AnyConn, insert_many};
use super::instant::At;
use super::schema::hera_record;
use super::{Page, Store, StoreError, corrupt};

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Job,
    Group,
    Run,
    HostGroup,
    Calendar,
    Worker,
    User,
    Token,
    /// The installation as a whole.
    Installation,
}

impl Subject {
    const ALL: [Self; 9] = [
        Self::Job,
        Self::Group,
        Self::Run,
        Self::HostGroup,
        Self::Calendar,
        Self::Worker,
        Self::User,
        Self::Token,
        Self::Installation,
    ];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Group => "group",
            Self::Run => "run",
            Self::HostGroup => "host_group",
            Self::Calendar => "calendar",
            Self::Worker => "worker",
            Self::User => "user",
            Self::Token => "token",
            Self::Installation => "installation",
        }
    }
}

/// Something that somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    pub at: Timestamp,
    /// The name of who did it.
    pub actor: String,
    /// A verb: "save", "open", "trigger", "cancel" …
    pub action: String,
    pub subject: Subject,
    pub subject_id: Option<i64>,
    /// What changed, for people.
    pub detail: String,
}

/// A record with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordRow {
    pub id: i64,
    pub record: AuditRecord,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = hera_record)]
struct Row {
    #[diesel(skip_insertion)]
    id: i64,
    created_at: At,
    actor: String,
    action: String,
    subject: String,
    subject_id: Option<i64>,
    detail: String,
}

impl From<&AuditRecord> for Row {
    fn from(record: &AuditRecord) -> Self {
        Self {
            id: 0,
            created_at: At(record.at),
            actor: record.actor.clone(),
            action: record.action.clone(),
            subject: record.subject.as_str().to_owned(),
            subject_id: record.subject_id,
            detail: record.detail.clone(),
        }
    }
}

impl TryFrom<Row> for RecordRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let subject = Subject::ALL
            .into_iter()
            .find(|subject| subject.as_str() == row.subject)
            .ok_or_else(|| corrupt("hera_record.subject", &row.subject, &"no such subject"))?;
        Ok(Self {
            id: row.id,
            record: AuditRecord {
                at: row.created_at.0,
                actor: row.actor,
                action: row.action,
                subject,
                subject_id: row.subject_id,
                detail: row.detail,
            },
        })
    }
}

impl Store {
    /// Records of one thing or of all, newest first, from before `cursor` (an id) on.
    pub async fn records(
        &self,
        of: Option<(Subject, i64)>,
        cursor: Option<i64>,
        limit: i64,
    ) -> Result<Page<RecordRow>, StoreError> {
        self.read(move |conn| {
            let mut query = hera_record::table
                .filter(hera_record::id.lt(cursor.unwrap_or(i64::MAX)))
                .order(hera_record::id.desc())
                .limit(limit + 1)
                .select(Row::as_select())
                .into_boxed();
            if let Some((subject, id)) = of {
                query = query
                    .filter(hera_record::subject.eq(subject.as_str()))
                    .filter(hera_record::subject_id.eq(id));
            }
            let rows: Vec<RecordRow> = query
                .load::<Row>(conn)?
                .into_iter()
                .map(RecordRow::try_from)
                .collect::<Result<_, _>>()?;
            Ok(Page::cut(rows, limit, |row| row.id))
        })
        .await
    }

    /// Records what was done outside the leader's commits (logins, users, tokens).
    pub async fn record(&self, record: AuditRecord) -> Result<(), StoreError> {
        self.write(move |conn| {
            diesel::insert_into(hera_record::table)
                .values(Row::from(&record))
                .execute(conn)?;
            Ok(())
        })
        .await
    }
}

/// Writes the records of a commit.
pub(super) fn write(conn: &mut AnyConn, records: &[AuditRecord]) -> Result<(), CommitError> {
    let rows: Vec<Row> = records.iter().map(Row::from).collect();
    insert_many!(conn, hera_record::table, &rows)?;
    Ok(())
}
