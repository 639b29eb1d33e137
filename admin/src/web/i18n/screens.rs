//! Texts of the other screens.

use super::texts;

texts! {
    /// The way in.
    Login {
        title: "Log in", "登录";
        user: "User name", "用户名";
        password: "Password", "密码";
        submit: "Log in", "登录";
        wrong: "User name or password is not right.", "用户名或密码不正确。";
        too_often: "Too many attempts. Wait a minute and try again.", "尝试次数过多，请一分钟后再试。";
        ended: "Your session has ended. Log in again to go on where you were.", "会话已结束，请重新登录后继续。";
        tagline: "ETL development and scheduling", "数据开发与任务调度";
    }

    /// Today at a glance.
    Home {
        title: "Home", "首页";
        today: "Today", "今日";
        planned: "due", "应执行";
        done: "done", "完成";
        running: "running", "运行中";
        waiting: "waiting", "等待";
        failed: "failed", "失败";
        queued: "queued", "排队";
        needs_you: "Needs you", "需要处理";
        needs_nobody: "Nothing failed today.", "今天没有失败的任务。";
        needs_nobody_hint: "Failed and lost versions appear here, with the way to repair them.", "失败或丢失的版本会出现在这里，并附处理入口。";
        recent: "Recent runs", "最近运行";
        all_runs: "All runs", "全部运行";
        workers: "Workers", "执行机器";
        no_runs: "No run yet.", "还没有运行记录。";
        no_runs_hint: "Open a job in the schedule, or start one by hand.", "在调度中心开启任务，或手动执行。";
        due: "Due", "应执行时间";
        no_versions_hint: "A version appears here when its time has come or somebody touches it.", "版本到达计划时间或被操作后会显示在这里。";
        see_schedule: "Go to the schedule", "前往调度中心";
    }

    /// The list of runs.
    Runs {
        title: "Runs", "任务详情";
        all: "All", "全部";
        any_trigger: "Any trigger", "全部触发方式";
        job: "Job", "任务";
        status: "Status", "状态";
        version: "Version", "版本";
        trigger: "Trigger", "触发方式";
        run: "Run", "运行";
        worker: "Worker", "机器";
        started: "Started", "开始";
        duration: "Duration", "时长";
        why: "Why", "原因";
        none: "No run matches.", "没有符合条件的运行。";
        none_hint: "Take away a filter, or start a job.", "请减少过滤条件，或执行一个任务。";
        clear: "Clear the filters", "清除过滤";
        older: "Older runs", "更早的运行";
        newest: "Back to the newest", "回到最新";
    }

    /// The workers.
    Machines {
        title: "Machines", "机器监控";
        load: "Load per core", "每核负载";
        memory: "Memory", "内存";
        running: "Running", "运行中";
        slots: "slots", "槽位";
        disk: "Disk free", "可用磁盘";
        cores: "cores", "核";
        version: "Version", "版本";
        address: "Address", "地址";
        last_seen: "Last seen", "最近心跳";
        drain: "Drain", "排空";
        drain_hint: "It finishes what it runs and gets nothing new.", "执行完当前任务，不再接收新任务。";
        resume: "Resume", "恢复接收";
        rotate: "Rotate token", "更换令牌";
        rotate_hint: "Its token counts no more; it joins anew by the join token and is given another.", "旧令牌立即失效，机器凭加入令牌重新注册并取得新令牌。";
        labels: "Labels", "标签";
        admins: "Admins", "管理节点";
        leads: "leads", "主节点";
        follows: "follows", "备节点";
        this_page: "serves this page", "当前页面所在节点";
        since: "Started", "启动于";
        skew: "another version than this admin", "与本管理节点版本不同";
        none: "No worker has joined yet.", "还没有执行机器加入。";
        none_hint: "Start hera-worker with HERA_ADMIN_ADDRESS and HERA_JOIN_TOKEN set; it appears here within seconds.", "设置 HERA_ADMIN_ADDRESS 与 HERA_JOIN_TOKEN 后启动 hera-worker，几秒内会出现在这里。";
        never: "never", "从未";
        runs_of: "Its runs", "查看运行";
    }

    /// Calendars and their editor.
    Calendars {
        title: "Calendars", "日历";
        hint: "Named sets of days, such as working days. A job's schedule can run on them only, leave them out, or move to them.", "命名的日期集合，例如工作日。任务可设置为仅在这些日期执行、排除这些日期，或顺延、提前到这些日期。";
        none: "No calendar yet.", "还没有日历。";
        none_hint: "Make one of Monday to Friday, then click the holidays away.", "可新建一个“周一至周五”的日历，再点击去掉节假日。";
        new: "New calendar", "新建日历";
        edit: "Edit", "编辑";
        edit_title: "Edit calendar", "编辑日历";
        delete: "Delete", "删除";
        delete_hint: "Possible while no job uses it.", "没有任务使用时才能删除。";
        name: "Name", "名称";
        description: "Description", "描述";
        weekdays: "Days of the week", "每周";
        added: "Days added", "额外包含的日期";
        removed: "Days taken out", "排除的日期";
        lines_hint: "One date or range per line, then a note: 2026-10-01..2026-10-07 National Day", "每行一个日期或区间，其后可写备注：2026-10-01..2026-10-07 国庆节";
        jobs: "Jobs that use it", "使用该日历的任务";
        no_jobs: "No job uses it yet. Choose it in a job's schedule.", "还没有任务使用，可在任务的调度设置中选择。";
        exceptions: "Exceptions", "例外日期";
        no_exceptions: "None in this year.", "该年没有例外。";
        col_exceptions: "Exceptions ahead", "未来的例外";
        col_jobs: "Jobs", "任务";
        year: "Year", "年份";
        previous_year: "Previous year", "上一年";
        next_year: "Next year", "下一年";
        in_it: "belongs to it", "包含";
        out_of_it: "does not", "不包含";
        is_added: "added", "额外包含";
        is_removed: "taken out", "已排除";
        click: "Click a day to add it or take it out.", "点击日期即可包含或排除。";
        save_effect: "Waiting versions move with it as soon as it is saved.", "保存后，等待中的版本立即按新日历调整。";
        today: "today", "今天";
        started_from: "It was changed meanwhile. Look at the newest one, then save again.", "日历已被他人修改，请查看最新内容后再保存。";
    }

    /// Host groups and their editor.
    HostGroups {
        title: "Host groups", "机器组";
        hint: "Named sets of workers. A job runs on the workers of its host group; a change is seen at once by what waits.", "命名的执行机集合，任务只在其机器组内的执行机上运行；修改后等待中的运行立即生效。";
        none: "No host group yet.", "还没有机器组。";
        new: "New host group", "新建机器组";
        edit: "Edit host group", "编辑机器组";
        delete: "Delete", "删除";
        delete_hint: "Possible while no job uses it and it is not the default.", "没有任务使用且不是默认机器组时才能删除。";
        name: "Name", "名称";
        description: "Description", "描述";
        effective: "It takes runs", "接收运行";
        everyone: "Every worker", "所有执行机";
        members: "Members", "成员";
        members_hint: "One a line: a worker's name, its address, or a label of workers as label:gpu.", "每行一个：执行机的名称、地址，或用 label:gpu 表示带该标签的所有执行机。";
        known: "Known:", "已知：";
        connected: "Connected now", "当前已连接";
        nobody: "nobody", "无";
        nobody_connected: "none of them", "无";
        off: "switched off", "已停用";
        jobs: "Jobs", "任务";
        save_effect: "What waits for it sees the change at once.", "保存后，等待中的运行立即按新的成员分配。";
    }

    /// The API's own documentation.
    Api {
        title: "API", "API 文档";
        document: "OpenAPI document", "OpenAPI 文档";
        lead: "Send a token in the header Authorization: Bearer …. Every list comes in pages, every refusal says which field is wrong and what to do.", "请求时在 Authorization: Bearer … 中携带令牌。列表分页返回；被拒绝的请求会指出哪个字段有误以及如何处理。";
        make_token: "Make a token", "创建令牌";
        params: "Parameters", "参数";
        body: "Body", "请求体";
        answers: "Answers", "响应";
        schemas: "Types", "类型";
        required: "required", "必填";
    }

    /// Password and tokens.
    Profile {
        api: "How the API is used", "API 使用说明";
        title: "Password and tokens", "密码与令牌";
        password: "Password", "密码";
        old: "Present password", "当前密码";
        new: "New password", "新密码";
        new_hint: "At least 8 characters.", "至少 8 个字符。";
        repeat: "New password again", "再次输入新密码";
        change: "Change password", "修改密码";
        changed: "The password is changed. Other sessions have ended.", "密码已修改，其他会话已退出。";
        wrong_old: "This is not the present password.", "当前密码不正确。";
        differs: "The two are not the same.", "两次输入不一致。";
        too_short: "It needs at least 8 characters.", "至少需要 8 个字符。";
        tokens: "API tokens", "API 令牌";
        tokens_hint: "A program that sends one may do what you may.", "持有令牌的程序拥有与您相同的权限。";
        token_name: "Name", "名称";
        token_name_hint: "What it is for, such as airflow-bridge.", "用途，例如 airflow-bridge。";
        token_days: "Valid for days", "有效天数";
        token_days_hint: "Empty: no end.", "留空则长期有效。";
        token_create: "Create token", "创建令牌";
        token_new: "Copy it now: it is not shown again.", "请立即复制，之后不再显示。";
        token_made: "Created", "创建时间";
        token_ends: "Expires", "到期";
        token_used: "Last used", "最近使用";
        token_never: "never", "从未";
        token_revoke: "Revoke", "吊销";
        tokens_none: "No token yet.", "还没有令牌。";
        role: "Role", "角色";
        role_admin: "administrator", "管理员";
        role_member: "member", "成员";
        role_viewer: "viewer", "只读";
        must_change: "You still use the password you were given. Choose one of your own.", "您仍在使用初始密码，请设置新的密码。";
    }

    /// When a page cannot be shown.
    ErrorTexts {
        not_found: "There is nothing at this address", "页面不存在";
        not_found_hint: "It may have been deleted, or the address is not complete.", "可能已被删除，或地址不完整。";
        forbidden: "You may not do this", "没有权限";
        forbidden_hint: "Ask an administrator of the installation for the right.", "请向管理员申请权限。";
        unavailable: "Not possible at the moment", "暂时无法操作";
        unavailable_hint: "The database or the leader is away. Running scripts go on. Try again in a few seconds.", "数据库或主节点暂不可用，正在执行的脚本不受影响，请稍后重试。";
        bad: "This request cannot be read", "请求无法识别";
        conflict: "This is not possible now", "当前状态不允许此操作";
        internal: "Something went wrong here", "系统出错了";
        internal_hint: "It has been logged. If it stays, tell the administrator the time.", "错误已记录。如持续出现，请将时间告知管理员。";
        home: "Go home", "返回首页";
        back: "Back", "返回上一页";
        again: "Try again", "重试";
    }
}
