//! Files and folders of the development centre, as far as an import needs them.

use diesel::prelude::*;
use hera_domain::clock::Timestamp;
use hera_domain::id::{Revision, TeamId};

use super::dialect::{self, AnyConn};
use super::instant::At;
use super::schema::hera_file;
use super::{ImportMark, Store, StoreError, imports};

/// A file or folder without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHead {
    pub id: i64,
    pub parent: Option<i64>,
    pub name: String,
    pub folder: bool,
    /// `None`: everybody's.
    pub owner: Option<TeamId>,
    pub revision: Revision,
}

/// A file or folder as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDraft {
    pub parent: Option<i64>,
    pub name: String,
    pub folder: bool,
    pub owner: Option<TeamId>,
    /// Folders have none.
    pub content: Option<String>,
}

type Row = (i64, Option<i64>, String, bool, Option<i64>, i64);

impl Store {
    /// Every file and folder, by id.
    pub async fn files(&self) -> Result<Vec<FileHead>, StoreError> {
        self.read(|conn| {
            let rows: Vec<Row> = hera_file::table
                .order(hera_file::id)
                .select((
                    hera_file::id,
                    hera_file::parent_id,
                    hera_file::name,
                    hera_file::folder,
                    hera_file::owner_id,
                    hera_file::revision,
                ))
                .load(conn)?;
            let head = |(id, parent, name, folder, owner, revision): Row| FileHead {
                id,
                parent,
                name,
                folder,
                owner: owner.map(TeamId),
                revision: Revision(revision),
            };
            Ok(rows.into_iter().map(head).collect())
        })
        .await
    }

    /// The content of a file; `None` for folders and what is not there.
    pub async fn file_content(&self, id: i64) -> Result<Option<String>, StoreError> {
        self.read(move |conn| {
            let content: Option<Option<String>> = hera_file::table
                .find(id)
                .select(hera_file::content)
                .first(conn)
                .optional()?;
            Ok(content.flatten())
        })
        .await
    }

    /// Makes a file, or writes over the one of this id; its new id and revision are in the mark.
    pub async fn import_file(
        &self,
        id: Option<i64>,
        file: FileDraft,
        at: Timestamp,
        mark: ImportMark,
    ) -> Result<ImportMark, StoreError> {
        self.write(move |conn| {
            let (id, revision) = save(conn, id, &file, at)?;
            let mark = ImportMark {
                new_id: id,
                revision: Some(revision),
                ..mark.clone()
            };
            imports::write(conn, std::slice::from_ref(&mark))?;
            Ok(mark)
        })
        .await
    }
}

fn save(
    conn: &mut AnyConn,
    id: Option<i64>,
    file: &FileDraft,
    at: Timestamp,
) -> Result<(i64, Revision), StoreError> {
    let values = (
        hera_file::parent_id.eq(file.parent),
        hera_file::name.eq(&file.name),
        hera_file::folder.eq(file.folder),
        hera_file::owner_id.eq(file.owner.map(|team| team.0)),
        hera_file::content.eq(&file.content),
        hera_file::updated_at.eq(At(at)),
    );
    match id {
        None => {
            diesel::insert_into(hera_file::table)
                .values((values, hera_file::revision.eq(1)))
                .execute(conn)?;
            Ok((dialect::last_id(conn)?, Revision(1)))
        }
        Some(id) => {
            diesel::update(hera_file::table.find(id))
                .set((values, hera_file::revision.eq(hera_file::revision + 1)))
                .execute(conn)?;
            let revision = hera_file::table
                .find(id)
                .select(hera_file::revision)
                .first(conn)?;
            Ok((id, Revision(revision)))
        }
    }
}
