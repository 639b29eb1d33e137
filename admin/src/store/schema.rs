//! The tables, one description for both databases. A test compares them with each.

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_group (id) {
        id -> BigInt,
        parent_id -> Nullable<BigInt>,
        name -> Text,
        big -> Bool,
        revision -> BigInt,
        deleted -> Bool,
        created_at -> Instant,
        updated_at -> Instant,
        commit_seq -> BigInt,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_group_revision (group_id, revision) {
        group_id -> BigInt,
        revision -> BigInt,
        content -> Text,
        author -> Text,
        created_at -> Instant,
        commit_seq -> BigInt,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_job (id) {
        id -> BigInt,
        group_id -> BigInt,
        name -> Text,
        owner_id -> BigInt,
        revision -> BigInt,
        switch -> Text,
        first_opened_at -> Nullable<Instant>,
        opened_at -> Nullable<Instant>,
        eras -> Text,
        deleted -> Bool,
        created_at -> Instant,
        updated_at -> Instant,
        commit_seq -> BigInt,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_job_revision (job_id, revision) {
        job_id -> BigInt,
        revision -> BigInt,
        content -> Text,
        script -> Text,
        author -> Text,
        comment -> Text,
        created_at -> Instant,
        commit_seq -> BigInt,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_host_group (id) {
        id -> BigInt,
        name -> Text,
        description -> Text,
        revision -> BigInt,
        effective -> Bool,
        everyone -> Bool,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_host_relation (host_group_id, host) {
        host_group_id -> BigInt,
        host -> Text,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_calendar (id) {
        id -> BigInt,
        name -> Text,
        revision -> BigInt,
        content -> Text,
        author -> Text,
        updated_at -> Instant,
        commit_seq -> BigInt,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_area (id) {
        id -> BigInt,
        name -> Text,
        timezone -> Nullable<Text>,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_file (id) {
        id -> BigInt,
        parent_id -> Nullable<BigInt>,
        name -> Text,
        folder -> Bool,
        owner_id -> Nullable<BigInt>,
        content -> Nullable<Text>,
        revision -> BigInt,
        updated_at -> Instant,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_team (id) {
        id -> BigInt,
        name -> Text,
        created_at -> Instant,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_user (id) {
        id -> BigInt,
        name -> Text,
        team_id -> BigInt,
        role -> Text,
        email -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        must_change_password -> Bool,
        active -> Bool,
        created_at -> Instant,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_session (id_hash) {
        id_hash -> Text,
        user_id -> BigInt,
        csrf -> Text,
        created_at -> Instant,
        expires_at -> Instant,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_token (id) {
        id -> BigInt,
        user_id -> BigInt,
        name -> Text,
        token_hash -> Text,
        created_at -> Instant,
        expires_at -> Nullable<Instant>,
        last_used_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_lock (id) {
        id -> BigInt,
        holder -> Nullable<Text>,
        http_address -> Nullable<Text>,
        connect_address -> Nullable<Text>,
        epoch -> BigInt,
        commit_seq -> BigInt,
        expires_at -> Instant,
        connection_id -> Nullable<BigInt>,
        planned_through -> Nullable<Instant>,
        definitions_seq -> BigInt,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_version (id) {
        id -> BigInt,
        version -> Text,
        job_id -> BigInt,
        business_time -> Instant,
        due_at -> Instant,
        origin -> Text,
        armed -> Bool,
        frozen -> Bool,
        status -> Text,
        reason -> Nullable<Text>,
        last_run_id -> Nullable<BigInt>,
        counting_run_id -> Nullable<BigInt>,
        attempts -> Integer,
        retry_at -> Nullable<Instant>,
        armed_seq -> Nullable<BigInt>,
        succeeded_seq -> Nullable<BigInt>,
        alarmed -> Bool,
        created_at -> Instant,
        changed_at -> Instant,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_run (id) {
        id -> BigInt,
        version_key -> BigInt,
        job_id -> BigInt,
        trigger_type -> Text,
        status -> Text,
        attempt -> Integer,
        priority -> SmallInt,
        host_group_id -> Nullable<BigInt>,
        worker_id -> Nullable<BigInt>,
        nonce -> Nullable<Text>,
        revision -> Nullable<BigInt>,
        repeats -> Nullable<BigInt>,
        params -> Nullable<Text>,
        operator -> Nullable<Text>,
        created_at -> Instant,
        dispatched_at -> Nullable<Instant>,
        started_at -> Nullable<Instant>,
        ended_at -> Nullable<Instant>,
        exit_code -> Nullable<Integer>,
        end_signal -> Nullable<Integer>,
        reason -> Nullable<Text>,
        cancelled_by_kind -> Nullable<Text>,
        cancelled_by -> Nullable<Text>,
        kill_confirmed -> Nullable<Bool>,
        fenced -> Bool,
        unreachable -> Bool,
        overdue -> Bool,
        cpu_ms -> Nullable<BigInt>,
        peak_memory_kib -> Nullable<BigInt>,
        late_result -> Nullable<Text>,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_run_script (run_id) {
        run_id -> BigInt,
        script -> Text,
        config -> Text,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_run_tail (run_id) {
        run_id -> BigInt,
        start -> BigInt,
        data -> Binary,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_worker (id) {
        id -> BigInt,
        node_id -> Text,
        name -> Text,
        address -> Text,
        version -> Text,
        labels -> Text,
        last_seen -> Instant,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_worker_token (worker_id) {
        worker_id -> BigInt,
        hash -> Text,
        confirmed -> Bool,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_drained_worker (worker_id) {
        worker_id -> BigInt,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_alarm (id) {
        id -> BigInt,
        dedupe_key -> Text,
        kind -> Text,
        job_id -> Nullable<BigInt>,
        version_key -> Nullable<BigInt>,
        run_id -> Nullable<BigInt>,
        text -> Text,
        created_at -> Instant,
        delivered_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_record (id) {
        id -> BigInt,
        created_at -> Instant,
        actor -> Text,
        action -> Text,
        subject -> Text,
        subject_id -> Nullable<BigInt>,
        detail -> Text,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_idempotency (user_id, idempotency_key) {
        user_id -> BigInt,
        idempotency_key -> Text,
        fingerprint -> Text,
        made -> Text,
        made_id -> BigInt,
        created_at -> Instant,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_setting (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_run_log (run_id) {
        run_id -> BigInt,
        size -> BigInt,
        dropped_from -> Nullable<BigInt>,
        dropped_to -> Nullable<BigInt>,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_run_log_chunk (run_id, start) {
        run_id -> BigInt,
        start -> BigInt,
        data -> Binary,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_import (source, kind, old_id) {
        source -> Text,
        kind -> Text,
        old_id -> BigInt,
        new_id -> BigInt,
        fingerprint -> Text,
        revision -> Nullable<BigInt>,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_permission (subject, subject_id, team_id) {
        subject -> Text,
        subject_id -> BigInt,
        team_id -> BigInt,
    }
}

diesel::table! {
    use crate::store::instant::prelude::*;

    hera_admin (name) {
        name -> Text,
        http_address -> Text,
        connect_address -> Text,
        version -> Text,
        started_at -> Instant,
        seen_at -> Instant,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    hera_group,
    hera_group_revision,
    hera_job,
    hera_job_revision,
    hera_host_group,
    hera_host_relation,
    hera_calendar,
    hera_area,
    hera_file,
    hera_team,
    hera_user,
    hera_session,
    hera_token,
    hera_lock,
    hera_version,
    hera_run,
    hera_run_script,
    hera_run_tail,
    hera_worker,
    hera_worker_token,
    hera_drained_worker,
    hera_alarm,
    hera_record,
    hera_idempotency,
    hera_setting,
    hera_run_log,
    hera_run_log_chunk,
    hera_import,
    hera_permission,
    hera_admin,
);
