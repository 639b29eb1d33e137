//! The rows of a HERA as far as they mean something here; every column may be NULL or missing.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::{Kind, LegacyHera};

/// A row that [`LegacyHera`] can read.
pub trait LegacyRow: Sized + Send + 'static {
    const TABLE: &'static str;
    const KEY: &'static str;
    /// Field, column and how it is read.
    const COLUMNS: &'static [(&'static str, &'static str, Kind)];

    fn id(&self) -> i64;

    /// Runs a query that selects every field.
    fn load(hera: &mut LegacyHera, query: String) -> QueryResult<Vec<Self>>;
}

macro_rules! rows {
    ($(
        $(#[$doc:meta])*
        $name:ident = $table:literal by $key:literal { $($field:ident: $kind:ident $column:literal),+ $(,)? }
    )+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, QueryableByName)]
        pub struct $name {
            #[diesel(sql_type = BigInt)]
            pub id: i64,
            $(
                #[diesel(sql_type = Nullable<kinds::$kind>)]
                pub $field: Option<values::$kind>,
            )+
        }

        impl LegacyRow for $name {
            const TABLE: &'static str = $table;
            const KEY: &'static str = $key;
            const COLUMNS: &'static [(&'static str, &'static str, Kind)] =
                &[$((stringify!($field), $column, Kind::$kind)),+];

            fn id(&self) -> i64 {
                self.id
            }

            fn load(hera: &mut LegacyHera, query: String) -> QueryResult<Vec<Self>> {
                diesel::sql_query(query).load(&mut hera.conn)
            }
        }
    )+};
}

/// The SQL types of the two kinds of column.
mod kinds {
    pub(super) type Number = super::BigInt;
    pub(super) type Text = super::Text;
}

/// What they are here.
mod values {
    pub(super) type Number = i64;
    pub(super) type Text = String;
}

rows! {
    /// A node of the tree.
    LegacyGroup = "hera_group" by "id" {
        name: Text "name",
        description: Text "description",
        parent: Number "parent",
        directory: Number "directory",
        owner: Text "owner",
        configs: Text "configs",
        resources: Text "resources",
        existed: Number "existed",
    }

    /// A job as far as the graph of jobs needs it.
    LegacyJobHead = "hera_job" by "id" {
        name: Text "name",
        group_id: Number "group_id",
        owner: Text "owner",
        is_valid: Number "is_valid",
        schedule_type: Number "schedule_type",
        dependencies: Text "dependencies",
    }

    /// A job.
    LegacyJob = "hera_job" by "id" {
        name: Text "name",
        description: Text "description",
        group_id: Number "group_id",
        owner: Text "owner",
        auto: Number "auto",
        schedule_type: Number "schedule_type",
        dependencies: Text "dependencies",
        cron_expression: Text "cron_expression",
        run_type: Text "run_type",
        script: Text "script",
        configs: Text "configs",
        resources: Text "resources",
        host_group_id: Number "host_group_id",
        alarm_level: Number "offset",
        must_end_minute: Number "must_end_minute",
        estimated_end_hour: Number "estimated_end_hour",
        repeat_run: Number "repeat_run",
        area_id: Text "area_id",
        cron_period: Text "cron_period",
        cron_interval: Number "cron_interval",
        biz_label: Text "biz_label",
        cycle: Text "cycle",
        pre_processors: Text "pre_processors",
        post_processors: Text "post_processors",
        timezone: Text "timezone",
    }

    /// A named set of workers.
    LegacyHostGroup = "hera_host_group" by "id" {
        name: Text "name",
        description: Text "description",
        effective: Number "effective",
    }

    /// A worker in a host group.
    LegacyHost = "hera_host_relation" by "id" {
        host: Text "host",
        host_group_id: Number "host_group_id",
        domain: Text "domain",
    }

    /// A region.
    LegacyArea = "hera_area" by "id" {
        name: Text "name",
        timezone: Text "timezone",
    }

    /// A group account, which is a team here.
    LegacyTeam = "hera_user" by "id" {
        name: Text "name",
        email: Text "email",
        phone: Text "phone",
        uid: Text "uid",
        is_effective: Number "is_effective",
    }

    /// A person.
    LegacyPerson = "hera_sso" by "id" {
        name: Text "name",
        gid: Number "gid",
        email: Text "email",
        phone: Text "phone",
        job_number: Text "job_number",
        is_valid: Number "is_valid",
    }

    /// A team that may edit a job or a group besides its owner.
    LegacyPermission = "hera_permission" by "id" {
        target_id: Number "target_id",
        target: Text "type",
        team: Text "uid",
        is_valid: Number "is_valid",
    }

    /// Who follows a job.
    LegacyMonitor = "hera_job_monitor" by "job_id" {
        user_ids: Text "user_ids",
    }

    /// A file or folder of the development centre as far as their tree needs it.
    LegacyFileHead = "hera_file" by "id" {
        parent: Number "parent",
        owner: Text "owner",
    }

    /// A file or folder of the development centre.
    LegacyFile = "hera_file" by "id" {
        name: Text "name",
        parent: Number "parent",
        kind: Number "type",
        owner: Text "owner",
        content: Text "content",
        job_id: Number "job_id",
    }

    /// A run, without its log.
    LegacyRun = "hera_action_history" by "id" {
        job_id: Number "job_id",
        action_id: Number "action_id",
        trigger_type: Number "trigger_type",
        status: Text "status",
        start_time: Text "start_time",
        end_time: Text "end_time",
        gmt_create: Text "gmt_create",
        execute_host: Text "execute_host",
        operator: Text "operator",
        illustrate: Text "illustrate",
        host_group_id: Number "host_group_id",
    }

    /// The log of a run.
    LegacyLog = "hera_action_history" by "id" {
        log: Text "log",
    }
}
