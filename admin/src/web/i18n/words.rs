//! Texts of the frame, of statuses, jobs and runs.

use super::texts;

texts! {
    /// What surrounds every page.
    Frame {
        product: "HERA scheduling", "赫拉 调度平台";
        skip: "Skip to the content", "跳到内容";
        home: "Home", "首页";
        schedule: "Schedule", "调度中心";
        runs: "Runs", "任务详情";
        machines: "Machines", "机器监控";
        sections: "Sections", "导航";
        jump: "Jump to a job by name or id", "按名称或编号跳转到任务";
        jump_none: "No job of that name or id", "没有这个名称或编号的任务";
        leader_ok: "leader ok", "主节点正常";
        leader_away: "no leader", "无主节点";
        leader_away_hint: "No admin leads at the moment. Running scripts go on; changes are possible again in a few seconds.", "当前没有主节点。正在执行的脚本不受影响，几秒后即可恢复修改。";
        theme: "Theme", "主题";
        theme_auto: "As the system", "跟随系统";
        theme_light: "Light", "浅色";
        theme_dark: "Dark", "深色";
        account: "Account", "账户";
        profile: "Password and tokens", "密码与令牌";
        log_out: "Log out", "退出登录";
        close: "Close", "关闭";
        copy: "Copy", "复制";
        copied: "Copied", "已复制";
        more: "More", "更多";
        breadcrumb: "Where you are", "当前位置";
        connection_lost: "Live updates are interrupted; reconnecting", "实时更新中断，正在重连";
        environment: "Environment", "环境";
        must_change: "You still use the password you were given.", "您仍在使用初始密码。";
        must_change_link: "Change it", "立即修改";
    }

    /// What forms share.
    Form {
        save: "Save", "保存";
        create: "Create", "新建";
        cancel: "Cancel", "取消";
        optional: "optional", "可不填";
        yes: "yes", "是";
        no: "no", "否";
        none: "none", "无";
        check_fields: "Not saved. See the fields that are marked.", "未保存，请查看标出的字段。";
        expired: "The form was open for too long. Send it again.", "页面停留过久，请重新提交。";
    }

    /// The one language of state.
    Status {
        success: "success", "成功";
        running: "running", "运行中";
        queued: "queued", "排队中";
        dispatched: "dispatched", "已派发";
        waiting: "waiting", "等待";
        planned: "planned", "计划";
        retry_wait: "retry wait", "等待重试";
        failed: "failed", "失败";
        lost: "lost", "丢失";
        unreachable: "unreachable", "失联";
        cancelled: "cancelled", "已取消";
        skipped: "skipped", "已跳过";
        frozen: "frozen", "已冻结";
        missed: "missed", "漏跑";
        open: "open", "已开启";
        closed: "closed", "已关闭";
        invalid: "invalid", "失效";
        no_version: "none today", "今日无版本";
        accepting: "accepting", "接收任务";
        draining: "draining", "排空中";
        trigger_schedule: "schedule", "自动调度";
        trigger_manual: "manual", "手动触发";
        trigger_recover: "recover", "手动恢复";
        trigger_debug: "debug", "开发执行";
        trigger_rerun: "rerun", "自动重跑";
        trigger_super_recover: "super recover", "超级恢复";
    }

    /// The tree of groups and the group's overview.
    Schedule {
        title: "Schedule", "调度中心";
        tree: "Groups and jobs", "任务树";
        filter: "Filter by name or id", "按名称或编号过滤";
        filter_none: "Nothing here has that name or id.", "没有匹配的名称或编号。";
        choose: "Choose a group or a job on the left.", "请在左侧选择分组或任务。";
        new_job: "New job", "新建任务";
        new_group: "New group", "新建分组";
        edit_group: "Edit group", "编辑分组";
        group: "group", "分组";
        group_empty: "This group holds nothing yet.", "该分组还是空的。";
        group_empty_hint: "Create a job here, or a group to sort jobs into.", "在这里新建任务，或新建分组来归类任务。";
        groups: "Groups", "子分组";
        jobs: "Jobs", "任务";
        config: "Config", "配置项";
        config_hint: "One key=value per line. Jobs and groups below inherit it; the nearest value wins.", "每行一个 key=value，下级分组与任务继承，就近优先。";
        config_empty: "No config of its own.", "没有自有配置。";
        description: "Description", "描述";
        name: "Name", "名称";
        parent: "Parent group", "上级分组";
        kind: "Kind", "类型";
        kind_big: "Big: holds groups", "大目录：存放分组";
        kind_small: "Small: holds jobs", "小目录：存放任务";
        col_job: "Job", "任务";
        col_today: "Today", "今日状态";
        col_version: "Version", "版本";
        col_why: "Why", "原因";
        col_last: "Last run", "最近运行";
        col_next: "Next fire", "下次触发";
        delete_group: "Delete group", "删除分组";
        after_upstream: "after its upstreams", "上游完成后";
        manual_only: "by hand only", "仅手动";
    }

    /// The job's page and its edit form.
    Job {
        job: "job", "任务";
        overview: "Overview", "概览";
        versions: "Versions", "版本";
        runs: "Runs", "运行记录";
        revisions: "Revisions", "修订历史";
        run: "Run…", "执行…";
        recover: "Recover", "恢复";
        edit: "Edit", "编辑";
        open: "Open", "开启";
        close: "Close", "关闭";
        invalidate: "Set invalid", "置为失效";
        open_chain: "Open with its upstreams", "连同上游一起开启";
        close_chain: "Close with its dependents", "连同下游一起关闭";
        delete: "Delete", "删除";
        delete_confirm: "Delete this job? It disappears from the schedule; its history stays.", "删除该任务？它将从调度中移除，历史记录保留。";
        facts: "Facts", "基本信息";
        group: "Group", "所属分组";
        owner: "Team", "团队";
        run_type: "Type", "脚本类型";
        switch: "Switch", "开关";
        host_group: "Host group", "机器组";
        default_host_group: "default host group", "默认机器组";
        priority: "Priority", "优先级";
        priority_hint: "1 is low, 5 goes first.", "1 最低，5 最先执行。";
        retries: "Retries", "重试次数";
        retry_wait: "Retry after", "重试间隔";
        minutes: "min", "分钟";
        overlap: "Overlap", "重复执行";
        overlap_allow: "Allow: runs may overlap", "允许：可同时执行";
        overlap_wait: "Wait: one after the other", "等待：逐个执行";
        overlap_skip: "Skip while one runs", "跳过：执行中则跳过";
        overlap_cancel_previous: "Cancel the previous one", "取消上一个";
        misfire: "Missed times", "漏跑处理";
        misfire_run_all: "Run all, oldest first", "全部补跑，从旧到新";
        misfire_run_latest: "Run the latest only", "仅补跑最近一次";
        misfire_skip: "Skip them", "跳过";
        on_lost: "When its worker is lost", "机器失联时";
        on_lost_ask: "A person decides", "由人处理";
        on_lost_rerun: "Run again elsewhere", "换机器重跑";
        must_end: "Must end within", "最长运行时间";
        must_end_hint: "Alarms when a run takes longer. Empty: never.", "运行超过该时长时告警，留空则不告警。";
        kill_on_timeout: "Kill the run then", "超时后终止运行";
        expected_end: "Expected end", "预计结束";
        expected_end_hint: "Local time, such as 08:30.", "本地时间，例如 08:30。";
        no_limit: "no limit", "不限";
        revision: "Revision", "修订号";
        description: "Description", "描述";
        schedule: "Schedule", "调度";
        cron: "Cron", "定时表达式";
        cron_hint: "Quartz: second minute hour day month weekday, for example 0 30 6 * * ? for 06:30 every day. Empty: no cron.", "Quartz 格式：秒 分 时 日 月 周，例如 0 30 6 * * ? 表示每天 06:30。留空则不定时。";
        timezone: "Time zone", "时区";
        next_fires: "Next fires", "后续触发时间";
        no_fires: "It never fires again.", "不会再触发。";
        closed_hint: "The job is closed: it does not fire.", "任务已关闭，不会触发。";
        dependencies: "Dependencies", "依赖";
        dependencies_hint: "Ids of the jobs that must have succeeded, separated by commas.", "上游任务编号，以逗号分隔。";
        upstreams: "Upstream", "上游";
        downstreams: "Downstream", "下游";
        no_dependencies: "No job before or after it.", "没有上下游任务。";
        graph: "Graph", "依赖图";
        config: "Effective config", "生效配置";
        config_own: "Own config", "自有配置";
        config_hint: "One key=value per line; it wins over what the groups give.", "每行一个 key=value，优先于分组的配置。";
        config_empty: "No config, own or inherited.", "没有自有或继承的配置。";
        origin_own: "own", "自有";
        script: "Script", "脚本";
        script_hint: "${key} takes a config value, ${zdt.addDay(-1).format(\"yyyyMMdd\")} a date of the version.", "${key} 取配置值，${zdt.addDay(-1).format(\"yyyyMMdd\")} 取版本对应的日期。";
        script_empty: "No script yet.", "还没有脚本。";
        last_runs: "Last 30 runs", "最近 30 次运行";
        no_runs: "It has not run yet.", "还没有运行过。";
        no_runs_hint: "Open the job, or start a run by hand.", "开启任务，或手动执行一次。";
        settings: "Settings", "设置";
        areas: "Areas", "区域";
        labels: "Labels", "标签";
        alarm_level: "Alarm level", "告警级别";
        batch_period: "Batch period", "批次周期";
        batch_interval: "Batch interval", "批次间隔";
        whole_number: "must be a whole number, 0 or more", "必须是不小于 0 的整数";
        job_ids: "must be job ids, separated by commas", "必须是以逗号分隔的任务编号";
        valid_from: "Valid from", "生效时间";
        valid_until: "Valid until", "失效时间";
        no_instant: "is no date and time, or one that does not exist in the zone", "不是有效的日期时间，或在该时区中不存在";
        no_zone: "is no time zone; write one like Asia/Shanghai or UTC", "不是有效时区，请填写如 Asia/Shanghai 或 UTC";
        comment: "What changes, for the history", "修改说明，记入修订历史";
        comment_label: "Comment", "修改说明";
        save_effect: "Versions that have not started follow the new revision.", "尚未开始的版本将使用新的修订。";
        edit_title: "Edit", "编辑";
        new_title: "New job", "新建任务";
        col_version: "Version", "版本";
        col_business_time: "Business time", "业务时间";
        col_status: "Status", "状态";
        col_due: "Due", "应执行时间";
        col_why: "Why", "原因";
        col_run: "Run", "运行";
        col_edges: "Waits for", "等待上游";
        no_versions: "No versions on this day.", "当天没有版本。";
        no_versions_hint: "Choose another day, or start a run with a business time.", "选择其他日期，或以指定业务时间执行。";
        day: "Day", "日期";
        previous_day: "Previous day", "前一天";
        next_day: "Next day", "后一天";
        today: "Today", "今天";
        author: "Author", "修改人";
        when: "When", "时间";
        current: "current", "当前";
        show: "Show", "查看";
        compare: "Compare", "对比";
        compare_from: "Before", "修改前";
        compare_to: "After", "修改后";
        changes: "Changes", "修改内容";
        restore: "Restore revision", "恢复到修订";
        restore_ask: "Restore…", "恢复…";
        restore_effect: "Becomes the newest revision. The job's group and today's secrets stay as they are.", "将成为最新修订；任务所在的组与当前的密钥保持不变。";
        same: "No difference.", "没有差异。";
        stale_title: "It was changed meanwhile", "任务已被他人修改";
        stale_hint: "Your text is still here. Look at what differs, then save again to put yours over it, or start from the newest.", "您的修改仍然保留。请查看差异，再次保存将覆盖对方的修改，或从最新修订重新开始。";
        stale_theirs: "newest revision", "最新修订";
        stale_yours: "your edit", "您的修改";
        start_over: "Discard mine, show the newest", "放弃我的修改，查看最新";
        refused: "Not done", "未执行";
        warnings: "Unknown names in the script stay as they are:", "脚本中未知的变量将保持原样：";
    }

    /// The dialog that starts a run.
    RunDialog {
        title: "Run", "执行";
        start: "Start", "开始执行";
        version: "Version", "版本";
        latest: "The latest scheduled version", "最近一个应执行的版本";
        business_time: "Business time", "业务时间";
        business_time_hint: "the job's zone. Empty: the business time of the version.", "为任务时区，留空则使用所选版本的业务时间。";
        trigger: "Trigger", "触发方式";
        manual: "Manual", "手动触发";
        manual_hint: "Runs the script once. Dependents are not told, the version's status stays.", "仅执行一次脚本，不通知下游，不改变版本状态。";
        recover: "Recover", "手动恢复";
        recover_hint: "Counts as the version's run: dependents of that business day follow when it succeeds.", "作为该版本的正式运行：成功后当天的下游依次执行。";
        params: "Parameters", "参数";
        params_hint: "One key=value per line, over the config, for this run only.", "每行一个 key=value，仅对本次运行覆盖配置。";
        bad_time: "is no date and time, or one that does not exist in the job's zone", "不是有效的日期时间，或在任务时区中不存在";
        both: "names the version a second time; choose one of the two", "与版本重复指定，请只选其一";
        script: "Script", "脚本";
        todays: "Today's script", "使用当前脚本";
        todays_hint: "The newest revision, with today's config", "最新修订与当前配置";
        as_it_was: "As it was in run", "与当时一致，运行";
        as_it_was_hint: "That run's script and config, secrets as they are today", "该次运行的脚本与配置，密钥取当前值";
        closed: "The job is closed. A run by hand works all the same.", "任务已关闭，仍可手动执行。";
    }

    /// The run's page.
    Run {
        run: "run", "运行";
        waited: "waited", "等待";
        queued: "queued", "排队";
        ran: "ran", "运行";
        log: "Log", "日志";
        follow: "Follow", "跟随";
        wrap: "Wrap", "换行";
        search: "Search the log", "搜索日志";
        previous_hit: "Previous hit", "上一处";
        next_hit: "Next hit", "下一处";
        first_error: "Next error line", "下一处错误";
        download: "Download", "下载";
        details: "Details", "详情";
        cancel: "Cancel run", "取消运行";
        cancel_hint: "The script and everything it started is killed.", "脚本及其启动的所有进程都会被终止。";
        redo: "Run again", "再次执行";
        recover: "Recover", "手动恢复";
        job: "Job", "任务";
        version: "Version", "版本";
        status: "Status", "状态";
        trigger: "Trigger", "触发方式";
        attempt: "Attempt", "第几次尝试";
        operator: "Started by", "操作人";
        worker: "Worker", "执行机器";
        revision: "Revision", "修订号";
        created: "Created", "创建";
        dispatched: "Dispatched", "派发";
        started: "Started", "开始";
        ended: "Ended", "结束";
        exit_code: "Exit code", "退出码";
        signal: "Signal", "信号";
        cpu: "CPU time", "CPU 时间";
        memory: "Peak memory", "内存峰值";
        reason: "Reason", "原因";
        kill: "Kill", "终止结果";
        kill_confirmed: "confirmed: every process is gone", "已确认：所有进程已退出";
        kill_unconfirmed: "unconfirmed: a process may still live", "未确认：可能仍有进程存活";
        params: "Parameters", "参数";
        no_params: "No parameters.", "没有参数。";
        config: "Config it ran with", "运行时的配置";
        repeats: "Repeats as it was", "与当时一致重跑";
        script: "Script as it ran", "实际执行的脚本";
        no_script: "The script is rendered when the run is dispatched.", "脚本在派发时生成。";
        log_waiting: "The log begins when the script starts.", "脚本启动后开始显示日志。";
        log_empty: "The script wrote nothing.", "脚本没有输出。";
        log_plain: "Open the log as plain text", "以纯文本打开日志";
        log_gap: "of the log are not stored here", "日志未保存在此处";
        copy_line: "Copy a link to this line", "复制此行链接";
        line: "line", "行";
        lines: "lines", "行";
        live: "live", "实时";
        complete: "complete", "完整";
        reconnecting: "reconnecting", "重连中";
    }
}
