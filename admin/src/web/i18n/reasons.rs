//! Why versions and runs stand where they stand, and why the scheduler refuses, in both languages.
//! The English sentences are the domain's own.

use chrono::NaiveDate;
use hera_domain::engine::Refusal;
use hera_domain::id::JobId;
use hera_domain::reason::{CalendarDoes, HostGroupLacks, Reason};
use hera_domain::status::Misfire;

use super::Lang;
use crate::master::CommandError;

impl Lang {
    /// Why a version or a run stands where it stands.
    pub fn reason(self, reason: &Reason) -> String {
        match self {
            Self::En => reason.to_string(),
            Self::Zh => zh(reason),
        }
    }

    /// Why a command was not carried out and what would help; nothing if its fields say it, or
    /// the words of another layer.
    pub fn command_error(self, error: &CommandError) -> Option<String> {
        match (error, self) {
            (CommandError::Refused(refusal), Self::En) => Some(refusal.to_string()),
            (CommandError::Refused(refusal), Self::Zh) => Some(zh_refusal(self, refusal)),
            (CommandError::Unanswered(_), Self::Zh) => {
                Some("主节点没有应答，操作可能已经生效，请先查看结果再决定是否重试".to_owned())
            }
            (CommandError::Unanswered(_), Self::En) => Some(error.to_string()),
            (CommandError::Strained(_), _) => Some(self.message(&error.to_string())),
            (CommandError::Stale { .. }, _) => Some(self.message(&error.to_string())),
            (
                CommandError::Forbidden { .. }
                | CommandError::NotFound(_)
                | CommandError::Conflict(_)
                | CommandError::Invalid(_)
                | CommandError::NoLeader
                | CommandError::Store(_),
                _,
            ) => None,
        }
    }
}

fn zh(reason: &Reason) -> String {
    match reason {
        // What the rendering of a script says is known.
        Reason::Said { text } => Lang::Zh.message(text),
        Reason::Frozen => "已冻结".to_owned(),
        Reason::Closed => "任务已关闭".to_owned(),
        Reason::NotScheduled => "已不在调度计划中".to_owned(),
        Reason::Passed => "任务开启时该时间已过，不会自动执行，请手动恢复".to_owned(),
        Reason::WaitedTooLong { days } => format!("等待已超过 {days} 天"),
        Reason::ClosedTooLong { hours } => format!("任务关闭超过 {hours} 小时"),
        Reason::NoLeaderTooLong { hours } => {
            format!("到期时没有管理节点在调度，且已过去超过 {hours} 小时")
        }
        Reason::NoLeader { policy } => {
            let policy = match policy {
                Misfire::RunAll => "全部补跑",
                Misfire::RunLatest => "只补跑最近一次",
                Misfire::Skip => "跳过",
            };
            format!("到期时没有管理节点在调度，该任务的错过策略是“{policy}”")
        }
        Reason::JobDeleted => "任务已删除".to_owned(),
        Reason::CancelledBy { person } => format!("被 {person} 取消"),
        Reason::Stopped => "系统已停止".to_owned(),
        Reason::TookTooLong { minutes } if minutes % 60 == 0 && *minutes > 60 => {
            format!("运行超过 {} 小时", minutes / 60)
        }
        Reason::TookTooLong { minutes } => format!("运行超过 {minutes} 分钟"),
        Reason::CalendarChanged => "排队期间日历有变更".to_owned(),
        Reason::Calendar {
            name,
            day,
            note,
            does,
        } => zh_calendar(name, *day, note.as_deref(), *does),
        Reason::NoSuchHostGroup { id } => format!("机器组 {id} 不存在"),
        Reason::HostGroup { name, lacks } => match lacks {
            HostGroupLacks::Effect => format!("机器组“{name}”已停用"),
            HostGroupLacks::Workers => format!("机器组“{name}”中没有执行机"),
            HostGroupLacks::AcceptingWorkers => {
                format!("机器组“{name}”中没有已连接且接收任务的执行机")
            }
        },
        Reason::RanInHera { host, note } => {
            let parts = [Some("在 HERA 中运行"), host.as_deref(), note.as_deref()];
            let parts: Vec<_> = parts.into_iter().flatten().collect();
            parts.join("，")
        }
        Reason::WorkerForgot { worker } => format!("执行机 {worker} 上已没有这次运行"),
        Reason::WorkerSilent { worker } => format!("执行机 {worker} 失去联系"),
        Reason::DeclaredLost { person } => format!("被 {person} 判定为丢失"),
        Reason::EndedLate {
            exit_code,
            signal,
            killed,
        } => match (killed, exit_code, signal) {
            (Some(true), _, _) => "放弃之后，执行机已将其终止".to_owned(),
            (Some(false), _, _) => "放弃之后，执行机已将其终止，但仍有残留进程".to_owned(),
            (None, Some(code), _) => format!("放弃之后，执行机报告其已结束，退出码 {code}"),
            (None, None, Some(signal)) => {
                format!("放弃之后，执行机报告其被信号 {signal} 终止")
            }
            (None, None, None) => "放弃之后，执行机报告其已不存在".to_owned(),
        },
    }
}

fn zh_calendar(name: &str, day: NaiveDate, note: Option<&str>, does: CalendarDoes) -> String {
    let note = note.map_or_else(String::new, |note| format!("（{note}）"));
    match does {
        CalendarDoes::SkipsOwn => format!("{day}{note}在日历“{name}”内"),
        CalendarDoes::SkipsOther => format!("{day}{note}不在日历“{name}”内"),
        CalendarDoes::Moves(to) => format!("日历“{name}”将其从 {day}{note}移到 {to}"),
        CalendarDoes::Stays => {
            format!("日历“{name}”一年内没有可用日期，仍在 {day} 执行")
        }
    }
}

fn zh_refusal(lang: Lang, refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoSuchJob(job) => format!("任务 {job} 不存在"),
        Refusal::NoSuchRun(run) => format!("运行 {run} 不存在"),
        Refusal::Cycle { job, name, cycle } => format!(
            "任务 {job}（{name}）无法保存：依赖形成了环：{}",
            named(cycle, " → ")
        ),
        Refusal::NoSuchUpstream { job, upstream } => {
            format!("任务 {job} 不能依赖任务 {upstream}：该任务不存在")
        }
        Refusal::TooFrequentUpstream { job, upstream } => {
            format!("任务 {job} 不能以“最近一次”方式依赖任务 {upstream}：其执行间隔小于一分钟")
        }
        Refusal::OpenDependents { job, in_the_way } => format!(
            "任务 {job} 无法关闭：有 {} 个已开启的任务依赖它（{}）。请先关闭它们，或关闭整条链路",
            in_the_way.len(),
            named(in_the_way, "、")
        ),
        Refusal::ClosedUpstreams { job, in_the_way } => format!(
            "任务 {job} 无法开启：有 {} 个上游任务处于关闭状态（{}）。请先开启它们，或开启整条链路",
            in_the_way.len(),
            named(in_the_way, "、")
        ),
        Refusal::StillOpen { job } => format!("任务 {job} 无法删除：它还处于开启状态，请先关闭"),
        Refusal::DependedOn { job, in_the_way } => format!(
            "任务 {job} 无法删除：有 {} 个任务依赖它（{}）",
            in_the_way.len(),
            named(in_the_way, "、")
        ),
        Refusal::LiveRun {
            job,
            version,
            run,
            status,
        } => format!(
            "任务 {job} 的版本 {version} 有未结束的运行：{run} {}。请等待其结束或取消它",
            lang.run_status(*status)
        ),
        Refusal::Frozen { job, version } => {
            format!("任务 {job} 的版本 {version} 已冻结，请先解冻")
        }
        Refusal::NothingScheduled { job } => {
            format!("任务 {job} 最近 32 天没有计划时间，请指定业务时间")
        }
        Refusal::Reachable { run } => {
            format!("运行 {run} 并未失联：它的执行机仍在。请取消它，或等执行机静默足够久")
        }
        Refusal::AlreadyFinal { run, status } => {
            format!("运行 {run} 已{}", lang.run_status(*status))
        }
        Refusal::TooMany { rows, limit } => {
            format!("涉及 {rows} 行，超过一次操作允许的 {limit} 行，请缩小范围")
        }
    }
}

fn named(jobs: &[(JobId, String)], between: &str) -> String {
    let jobs: Vec<_> = jobs
        .iter()
        .map(|(id, name)| format!("{id} {name}"))
        .collect();
    jobs.join(between)
}

#[cfg(test)]
mod tests {
    use hera_domain::id::{HostGroupId, RunId};
    use hera_domain::status::RunStatus;
    use hera_domain::version_id::VersionId;

    use super::*;

    fn reasons() -> Vec<Reason> {
        let day = NaiveDate::from_ymd_opt(2026, 10, 1).unwrap();
        let calendar = |does| Reason::Calendar {
            name: "cn-workdays".to_owned(),
            day,
            note: Some("National Day".to_owned()),
            does,
        };
        let host_group = |lacks| Reason::HostGroup {
            name: "spark".to_owned(),
            lacks,
        };
        let worker = || "etl-3".to_owned();
        let late = |exit_code, signal, killed| Reason::EndedLate {
            exit_code,
            signal,
            killed,
        };
        vec![
            Reason::Frozen,
            Reason::Closed,
            Reason::NotScheduled,
            Reason::Passed,
            Reason::WaitedTooLong { days: 7 },
            Reason::ClosedTooLong { hours: 24 },
            Reason::NoLeaderTooLong { hours: 24 },
            Reason::NoLeader {
                policy: Misfire::Skip,
            },
            Reason::JobDeleted,
            Reason::CancelledBy {
                person: "ada".to_owned(),
            },
            Reason::Stopped,
            Reason::TookTooLong { minutes: 90 },
            Reason::TookTooLong { minutes: 720 },
            Reason::CalendarChanged,
            calendar(CalendarDoes::SkipsOwn),
            calendar(CalendarDoes::SkipsOther),
            calendar(CalendarDoes::Moves(day.succ_opt().unwrap())),
            calendar(CalendarDoes::Stays),
            Reason::NoSuchHostGroup { id: HostGroupId(7) },
            host_group(HostGroupLacks::Effect),
            host_group(HostGroupLacks::Workers),
            host_group(HostGroupLacks::AcceptingWorkers),
            Reason::RanInHera {
                host: Some("10.0.0.7".to_owned()),
                note: None,
            },
            Reason::WorkerForgot { worker: worker() },
            Reason::WorkerSilent { worker: worker() },
            Reason::DeclaredLost {
                person: "ada".to_owned(),
            },
            late(None, None, Some(true)),
            late(None, None, Some(false)),
            late(Some(0), None, None),
            late(None, Some(9), None),
            late(None, None, None),
        ]
    }

    fn refusals() -> Vec<Refusal> {
        let job = JobId(3);
        let version = || VersionId("202610010000000003".to_owned());
        let jobs = || vec![(JobId(1), "ods".to_owned()), (JobId(2), "dwd".to_owned())];
        vec![
            Refusal::NoSuchJob(job),
            Refusal::NoSuchRun(RunId(9)),
            Refusal::Cycle {
                job,
                name: "ads".to_owned(),
                cycle: jobs(),
            },
            Refusal::NoSuchUpstream {
                job,
                upstream: JobId(4),
            },
            Refusal::TooFrequentUpstream {
                job,
                upstream: JobId(4),
            },
            Refusal::OpenDependents {
                job,
                in_the_way: jobs(),
            },
            Refusal::ClosedUpstreams {
                job,
                in_the_way: jobs(),
            },
            Refusal::StillOpen { job },
            Refusal::DependedOn {
                job,
                in_the_way: jobs(),
            },
            Refusal::LiveRun {
                job,
                version: version(),
                run: RunId(9),
                status: RunStatus::Running,
            },
            Refusal::Frozen {
                job,
                version: version(),
            },
            Refusal::NothingScheduled { job },
            Refusal::AlreadyFinal {
                run: RunId(9),
                status: RunStatus::Success,
            },
            Refusal::Reachable { run: RunId(9) },
            Refusal::TooMany {
                rows: 30_000,
                limit: 20_000,
            },
        ]
    }

    /// Both languages side by side, to be read by a person when they change.
    #[test]
    fn every_reason_and_refusal_reads_well_in_both_languages() {
        let reasons = reasons();
        let mut pairs: Vec<_> = reasons
            .iter()
            .map(|reason| (Lang::En.reason(reason), Lang::Zh.reason(reason)))
            .collect();
        pairs.extend(refusals().into_iter().map(|refusal| {
            let error = CommandError::Refused(refusal);
            let said = |lang: Lang| lang.command_error(&error).unwrap();
            (said(Lang::En), said(Lang::Zh))
        }));
        for (en, zh) in &pairs {
            let chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
            assert!(!chinese(en) && chinese(zh), "{en} / {zh}");
        }
        insta::assert_debug_snapshot!(pairs);
    }

    #[test]
    fn what_a_worker_says_is_shown_in_its_own_words() {
        let reason = Reason::said("bash: 没有那个文件");
        assert_eq!(Lang::En.reason(&reason), "bash: 没有那个文件");
        assert_eq!(Lang::Zh.reason(&reason), "bash: 没有那个文件");
    }
}
