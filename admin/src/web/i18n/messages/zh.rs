//! The sentences and their translations; the more special ones stand before the more general.

/// English with holes, and Chinese with the holes by number.
pub(super) const MESSAGES: &[(&str, &str)] = &[
    // Where it is.
    ("line {}, column {}: {t}", "第 {0} 行第 {1} 列：{2}"),
    ("line {}: {t}", "第 {0} 行：{1}"),
    ("in the value of \"{}\": {t}", "在“{0}”的值中：{1}"),
    ("in this ${zdt…}: {t}", "在 ${zdt…} 中：{0}"),
    ("{t} (at character {})", "{0}（第 {1} 个字符）"),
    // Jobs.
    ("is blank; give the job a name", "不能为空，请填写任务名称"),
    (
        "has {} characters and may have {}; shorten it",
        "有 {0} 个字符，最多 {1} 个，请缩短",
    ),
    (
        "holds the control character {}; remove it",
        "含有控制字符 {0}，请删除",
    ),
    (
        "is not after the start: no time would be left",
        "不晚于开始时间，没有可执行的时间",
    ),
    (
        "does not belong to the kind manual: nothing is planned",
        "手动任务没有计划，不能使用日历",
    ),
    ("holds a blank one; remove it", "含有空白项，请删除"),
    ("holds {} days; keep at most {}", "有 {0} 天，最多 {1} 天"),
    ("holds {}; keep at most {}", "有 {0} 个，最多 {1} 个"),
    ("\"{}\" is no name of a file", "“{0}”不是文件名"),
    ("\"{}\" is not one of {}", "“{0}”不在可选值中：{1}"),
    (
        "has {} bytes and may have {}; move data or code into a file",
        "有 {0} 字节，最多 {1} 字节，请将数据或代码移到文件中",
    ),
    (
        "names {} jobs; keep at most {}, or put a job between",
        "有 {0} 个依赖，最多 {1} 个，可在中间加一个任务",
    ),
    (
        "names job {} twice; keep one of them",
        "任务 {0} 出现了两次，请保留一个",
    ),
    (
        "\"{}\" is no time of day; write one like 08:30",
        "“{0}”不是时刻，请写成 08:30 这样",
    ),
    ("has {} keys; keep at most {}", "有 {0} 个键，最多 {1} 个"),
    (
        "has {} bytes and may have {}; shorten it",
        "有 {0} 字节，最多 {1} 字节，请缩短",
    ),
    ("there is no group {}", "分组 {0} 不存在"),
    ("there is no calendar \"{}\"", "日历“{0}”不存在"),
    ("there is no calendar {}", "日历 {0} 不存在"),
    (
        "these variables name each other: {}; give one of them a value",
        "这些变量互相引用：{0}，请给其中一个赋值",
    ),
    // Config.
    (
        "there is no \"=\"; write key=value",
        "缺少“=”，请写成 键=值",
    ),
    (
        "\"{}\" is set twice; keep one of them",
        "“{0}”设置了两次，请保留一个",
    ),
    ("a key is empty; name it", "键为空，请填写"),
    (
        "a key is longer than {} characters; shorten it",
        "键超过 {0} 个字符，请缩短",
    ),
    (
        "the key \"{}\" holds \"{}\"; leave it out",
        "键“{0}”含有“{1}”，请去掉",
    ),
    (
        "the key \"{}\" starts with \"#\"; leave it out",
        "键“{0}”以“#”开头，请去掉",
    ),
    (
        "a value has more than one line; put it on one",
        "值有多行，请写在一行内",
    ),
    (
        "a value holds the control character {}; remove it",
        "值含有控制字符 {0}，请删除",
    ),
    // Groups.
    (
        "group {} ({}) is a big group: jobs live in small groups",
        "分组 {0}（{1}）是大组，任务只能放在小组中",
    ),
    (
        "a group needs a name of 1 to 200 characters",
        "分组名称需 1 至 200 个字符",
    ),
    (
        "only the root has no parent: name the group above",
        "只有根分组没有上级，请选择上级分组",
    ),
    ("the root stays at the top", "根分组必须在最上层"),
    (
        "the group holds {}: empty it before its kind changes",
        "分组内还有 {0}，请先清空再修改类型",
    ),
    (
        "group {} ({}) is a small group: it holds jobs only",
        "分组 {0}（{1}）是小组，只能放任务",
    ),
    (
        "a group cannot be moved below itself",
        "分组不能移到自己下面",
    ),
    (
        "group {} ({}) is the root and stays",
        "分组 {0}（{1}）是根分组，不能删除",
    ),
    (
        "group {} ({}) cannot be deleted: it holds {}. Move or delete what it holds first",
        "分组 {0}（{1}）无法删除：其中还有 {2}，请先移走或删除",
    ),
    // Calendars.
    (
        "{t}; write 2026-10-01 or 2026-10-01..2026-10-07, then a note if you like",
        "{0}；请写成 2026-10-01 或 2026-10-01..2026-10-07，后面可加备注",
    ),
    ("\"{}\" is no date", "“{0}”不是日期"),
    (
        "{}..{} is no range of 1 to {} days",
        "{0}..{1} 不是 1 至 {2} 天的区间",
    ),
    (
        "is blank or begins or ends with a space",
        "为空，或首尾有空格",
    ),
    (
        "takes {} characters and no control characters",
        "最多 {0} 个字符，且不能有控制字符",
    ),
    ("takes {} characters", "最多 {0} 个字符"),
    (
        "the note of {} takes {} characters: one line, without a space at its ends",
        "{0} 的备注最多 {1} 个字符，不能换行，首尾不能有空格",
    ),
    (
        "{} is no day of the years 1 to 9999",
        "{0} 不在公元 1 至 9999 年内",
    ),
    ("{} is among the added days too", "{0} 同时也在增加的日期中"),
    (
        "no day would belong to the calendar: choose a day of the week or add days",
        "日历中没有任何日期，请选择星期或增加日期",
    ),
    ("there is a calendar {} already", "日历“{0}”已存在"),
    (
        "calendar {} cannot be deleted: {t}. Take it out of their schedules first",
        "日历“{0}”无法删除：{1}，请先在这些任务的调度中去掉它",
    ),
    (
        "the calendar keeps its name: {t}. Make a new calendar and give it to them",
        "日历不能改名：{0}，请新建一个日历给它们使用",
    ),
    (
        "\"{}\" names no worker; write a name, an address, or a label like label:gpu",
        "“{0}”不能指代执行机，请填写名称、地址，或形如 label:gpu 的标签",
    ),
    ("there is a host group {} already", "机器组“{0}”已存在"),
    (
        "host group {} cannot be deleted: it says which machines may lead (hera.preemptionMasterGroup)",
        "机器组“{0}”无法删除：它决定哪些机器可以担任主节点（hera.preemptionMasterGroup）",
    ),
    (
        "host group {} cannot be deleted: it serves the jobs that name none (hera.defaultWorkerGroup)",
        "机器组“{0}”无法删除：未指定机器组的任务由它执行（hera.defaultWorkerGroup）",
    ),
    (
        "host group {} cannot be deleted: {t}. Give them another one first",
        "机器组“{0}”无法删除：{1}，请先为它们指定其他机器组",
    ),
    (
        "the leading admin has too much to do and starts nothing by hand: {t}; try again in a few seconds",
        "主节点负载过高，暂不接受手动触发：{0}，请几秒后重试",
    ),
    ("{} messages wait for it", "有 {0} 条消息等待处理"),
    (
        "{} % of its machine's memory are in use, the limit is {} % (hera.maxMemRate)",
        "所在机器内存使用率 {0} %，上限 {1} %（hera.maxMemRate）",
    ),
    (
        "its machine's load per core is {}, the limit is {} (hera.maxCpuLoadPerCore)",
        "所在机器每核负载 {0}，上限 {1}（hera.maxCpuLoadPerCore）",
    ),
    ("1 job uses it: {}", "有 1 个任务在用：{0}"),
    ("{} jobs use it: {}", "有 {0} 个任务在用：{1}"),
    // What nobody may, and what there is not.
    (
        "{} may not do this: it needs the right to {t}",
        "{0} 没有{1}权限",
    ),
    ("administer", "管理"),
    ("operate", "运维操作"),
    ("edit", "编辑"),
    ("read", "查看"),
    (
        "this request lacks the X-CSRF-Token of its session; reload the page",
        "请求缺少会话的 X-CSRF-Token，请刷新页面",
    ),
    (
        "it was changed meanwhile: the newest revision is {}, the edit started from {}",
        "内容已被他人修改：最新修订是 {0}，本次编辑基于 {1}",
    ),
    ("there is no job {}", "任务 {0} 不存在"),
    ("there is no run {} of job {}", "任务 {1} 没有运行 {0}"),
    ("there is no run {}", "运行 {0} 不存在"),
    ("there is no version {} of job {}", "任务 {1} 没有版本 {0}"),
    ("there is no revision {} of job {}", "任务 {1} 没有修订 {0}"),
    ("there is no worker {}", "机器 {0} 不存在"),
    ("there is no token {} of yours", "您没有令牌 {0}"),
    ("there is no path {}", "路径 {0} 不存在"),
    // Runs.
    ("the trigger made no run", "未产生运行"),
    (
        "run {} cannot be repeated as it was: what it ran was never recorded or is not kept any more; start one with today's script",
        "运行 {0} 无法按原样重跑：当时执行的内容没有记录或已清理，请用当前脚本执行",
    ),
    // Scripts and dates.
    ("the script cannot be rendered: {t}", "脚本无法渲染：{0}"),
    (
        "its script and config are {} bytes, more than the {} that can be kept; use shorter values",
        "脚本与配置共 {0} 字节，超过可保存的 {1} 字节，请缩短变量的值",
    ),
    (
        "this release does not fetch files yet: {}; fetch it in the script itself",
        "当前版本尚不能下载文件：{0}，请在脚本中自行获取",
    ),
    ("in this download[…]: {t}", "在 download[…] 中：{0}"),
    ("it is not closed; add \"]\"", "没有结束，请补上“]”"),
    (
        "it holds {} words; write an address and, if you like, a name",
        "其中有 {0} 段，请写一个地址，后面可加文件名",
    ),
    (
        "\"{}\" names no file; write one like hdfs:///lib/tool.jar",
        "“{0}”没有指明文件，请写成 hdfs:///lib/tool.jar 这样",
    ),
    (
        "there are two files \"{}\"; name one of them otherwise",
        "有两个文件都叫“{0}”，请给其中一个另取名称",
    ),
    (
        "a script takes {} files; put them into an archive",
        "一个脚本最多 {0} 个文件，请打包成压缩文件",
    ),
    (
        "the script grows beyond {} bytes here; use shorter values",
        "脚本在此处展开后超过 {0} 字节，请缩短变量的值",
    ),
    (
        "a secret cannot stand in it; take it out",
        "其中不能使用机密，请去掉",
    ),
    (
        "it has no value; end it with format, get, getTime, getMillis, getNowMillis, getToday or StringToDateStr",
        "没有取值，请以 format、get、getTime、getMillis、getNowMillis、getToday 或 StringToDateStr 结尾",
    ),
    (
        "there is no method \"{}\"; use addDay, add, set, format, get, getTime, getMillis, getNowMillis, getToday or StringToDateStr",
        "没有方法“{0}”，可用 addDay、add、set、format、get、getTime、getMillis、getNowMillis、getToday 和 StringToDateStr",
    ),
    (
        "nothing may follow the value; found {}, expected \"}\"",
        "取值之后不能再有内容：出现了 {0}，应为“}”",
    ),
    ("expected a method and found {}", "应为方法，出现了 {0}"),
    ("expected a number and found {}", "应为数字，出现了 {0}"),
    (
        "expected a text in quotes and found {}",
        "应为引号内的文本，出现了 {0}",
    ),
    ("expected {} and found {}", "应为 {0}，出现了 {1}"),
    (
        "{} is no field; use 1 year, 2 month (from 0), 3 week, 5 day, 7 day of week (1 = Sunday), 11 hour, 12 minute or 13 second",
        "{0} 不是日期字段，可用：1 年、2 月（从 0 开始）、3 周、5 日、7 星期（1 = 周日）、11 时、12 分、13 秒",
    ),
    (
        "the date \"{}\" does not fit the first pattern; change one of them",
        "日期“{0}”与第一个格式不符，请修改其中之一",
    ),
    (
        "the date leaves the years 1583 to 9999; use smaller numbers",
        "日期超出 1583 至 9999 年，请改用较小的数字",
    ),
    ("it is not closed; add \"}\"", "没有结束，请补上“}”"),
    ("the text is not closed; add {}", "文本没有结束，请补上 {0}"),
    ("{} is no whole number of 32 bits", "{0} 不是 32 位整数"),
    (
        "a \"'\" is not closed; add one",
        "单引号没有成对，请补上一个",
    ),
    (
        "\"{}\" is no pattern letter; use one of {}, or write '{}' for the letter itself",
        "“{0}”不是格式字母，可用 {1}；若要原样输出该字母，请写成 '{2}'",
    ),
    (
        "\"X\" stands at most three times; use XXX",
        "“X”最多连写三次，请用 XXX",
    ),
    (
        "\"zzzz\" is not supported; use z, Z or XXX",
        "不支持“zzzz”，请用 z、Z 或 XXX",
    ),
    (
        "\"{}\" stands more than {} times; shorten it",
        "“{0}”连写超过 {1} 次，请缩短",
    ),
    // Cron: the field, then what is wrong with it.
    ("seconds: {t}", "秒：{0}"),
    ("minutes: {t}", "分：{0}"),
    ("hours: {t}", "时：{0}"),
    ("day of month: {t}", "日：{0}"),
    ("month: {t}", "月：{0}"),
    ("day of week: {t}", "星期：{0}"),
    ("year: {t}", "年：{0}"),
    (
        "the expression is longer than {} characters; shorten it",
        "表达式超过 {0} 个字符，请缩短",
    ),
    (
        "the expression is empty; write for example \"0 0 3 * * ?\" (every day at 03:00)",
        "表达式为空，请填写，例如“0 0 3 * * ?”（每天 03:00）",
    ),
    (
        "found {} fields; write 6 or 7 (seconds first, as Quartz does) or 5 (Unix cron)",
        "有 {0} 个字段，请写 6 或 7 个（Quartz 格式，以秒开头）或 5 个（Unix cron 格式）",
    ),
    (
        "\"?\" stands in both day fields; write \"*\" in one of them",
        "日和星期字段都是“?”，请将其中一个写成“*”",
    ),
    (
        "day of month and day of week are both given; write \"?\" in one of them",
        "同时指定了日和星期，请将其中一个写成“?”",
    ),
    (
        "\"?\" is for the two day fields only; write \"*\"",
        "“?”只能用于日和星期字段，请写“*”",
    ),
    (
        "\"?\" belongs to the form with seconds; put them first, as in \"0 0 3 * * ?\", or write \"*\"",
        "“?”只用于带秒的格式，请在最前面加上秒，例如“0 0 3 * * ?”，或改写成“*”",
    ),
    (
        "nothing may follow \"{}\" in its field; remove the rest",
        "字段中“{0}”之后不能再有内容，请删除其余部分",
    ),
    (
        "nothing may follow a macro; remove the rest",
        "宏之后不能再有内容，请删除其余部分",
    ),
    (
        "a range needs two names or two numbers",
        "区间两端须同为名称或同为数字",
    ),
    (
        "the range {} runs backwards; swap its ends",
        "区间 {0} 前后颠倒，请交换两端",
    ),
    (
        "{} is out of range; use {} to {}",
        "{0} 超出范围，应为 {1} 至 {2}",
    ),
    ("a value is missing at the end", "末尾缺少一个值"),
    ("a value is missing before \",\"", "“,”之前缺少一个值"),
    ("\"{}\" is no number", "“{0}”不是数字"),
    (
        "\"{}\" is not known; use {} to {} or a number",
        "不认识“{0}”，请用 {1} 至 {2} 或数字",
    ),
    (
        "a step cannot follow names; write numbers, as in \"2-6/2\"",
        "名称之后不能写步长，请改用数字，例如“2-6/2”",
    ),
    (
        "in Unix cron a step needs a range; write \"5-59/15\" or \"*/15\"",
        "Unix cron 的步长需要区间，请写成“5-59/15”或“*/15”",
    ),
    (
        "a number from 1 to {} must follow \"/\"",
        "“/”之后须为 1 至 {0} 的数字",
    ),
    (
        "a number from 0 to {} must follow \"L-\"",
        "“L-”之后须为 0 至 {0} 的数字",
    ),
    (
        "a number from {} to {} must follow \"#\"",
        "“#”之后须为 {0} 至 {1} 的数字",
    ),
    (
        "a number from 1 to 31 must stand before \"W\"",
        "“W”之前须为 1 至 31 的数字",
    ),
    (
        "\"{}\" cannot stand in a list; let it stand alone",
        "“{0}”不能写在列表中，请单独写",
    ),
    (
        "\"{}\" cannot stand here; remove it",
        "此处不能写“{0}”，请删除",
    ),
    (
        "\"{}\" belongs to the form with seconds; put them first, as in \"0 0 3 L * ?\"",
        "“{0}”只用于带秒的格式，请在最前面加上秒，例如“0 0 3 L * ?”",
    ),
    (
        "\"{}\" stands alone in its field, as L, LW or L-3 (3 days before the last)",
        "“{0}”须单独写，例如 L、LW 或 L-3（最后一天之前 3 天）",
    ),
    (
        "\"{}\" follows one day alone in its field, as in \"15W\" or \"LW\"",
        "“{0}”须单独跟在某一天之后，例如“15W”或“LW”",
    ),
    (
        "\"{}\" belongs to day of week, as in \"6#3\"",
        "“{0}”只用于星期字段，例如“6#3”",
    ),
    (
        "\"{}\" follows one day alone in its field, as in \"6L\" (the last Friday)",
        "“{0}”须单独跟在某一天之后，例如“6L”（最后一个周五）",
    ),
    (
        "\"{}\" follows one day alone in its field, as in \"6#3\" (the third Friday)",
        "“{0}”须单独跟在某一天之后，例如“6#3”（第三个周五）",
    ),
    (
        "\"{}\" belongs to day of month, as in \"15W\"",
        "“{0}”只用于日字段，例如“15W”",
    ),
    (
        "\"{}\" is no macro; use one of {}, @every and @at",
        "“{0}”不是宏，可用：{1}、@every 和 @at",
    ),
    (
        "an interval must follow \"@every\", as in \"@every 1h30m\"",
        "“@every”之后须写间隔，例如“@every 1h30m”",
    ),
    (
        "a time must follow \"@at\", as in \"@at 2026-11-21 08:00\"",
        "“@at”之后须写时间，例如“@at 2026-11-21 08:00”",
    ),
    (
        "write an interval as numbers and units, as in \"1h30m\"",
        "间隔请写成数字加单位，例如“1h30m”",
    ),
    (
        "one of the units d, h, m and s must stand here, each once, in this order",
        "此处须为单位 d、h、m、s 之一，每个最多一次，且按此顺序",
    ),
    (
        "an interval is at least 1s and at most 366d long",
        "间隔最短 1s，最长 366d",
    ),
    (
        "write a time of the years 1970 to 2099 as \"{}\", with seconds and an offset to UTC if needed (\"{}\")",
        "请将 1970 至 2099 年的时间写成“{0}”，需要时可带秒和时区偏移（“{1}”）",
    ),
];
