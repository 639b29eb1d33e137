//! Texts of the preview of a script.

use super::{Lang, texts};

texts! {
    /// A script as a run would get it.
    Preview {
        title: "Preview", "预览";
        button: "Preview", "预览";
        lead: "The script as a run at this time would get it. Nothing is run.", "该时间的运行将得到的脚本，仅供查看，不会执行。";
        draft: "This is the text of the editor, which is not saved yet.", "这是编辑器中的内容，尚未保存。";
        business_time: "Business time", "业务时间";
        show: "Show", "查看";
        earlier: "Earlier version", "较早的版本";
        later: "Later version", "较晚的版本";
        params: "Parameters", "运行参数";
        params_hint: "They win over the config, for this preview only.", "优先于配置，仅对本次预览有效。";
        add: "Add a parameter", "添加参数";
        add_hint: "key=value", "键=值";
        remove: "Remove", "移除";
        script: "Script as it would run", "将执行的脚本";
        source: "Script as it is written", "脚本原文";
        empty: "No script yet.", "还没有脚本。";
        error: "This script cannot be rendered.", "该脚本无法生成。";
        variables: "Variables", "变量";
        no_variables: "The script uses no variable.", "脚本没有使用变量。";
        files: "Files fetched beforehand", "执行前下载的文件";
        file: "Name in the work folder", "工作目录中的文件名";
        address: "Address", "地址";
        name: "Name", "名称";
        value: "Value", "值";
        origin: "Origin", "来源";
        overrides: "Overrides", "覆盖了";
        lines: "Lines", "所在行";
        written: "written", "写作";
        try_value: "Try another value", "尝试其他值";
        origin_param: "parameter", "运行参数";
        origin_job: "own", "自有";
        origin_builtin: "built-in", "内置变量";
        origin_date: "date", "日期";
        area: "area", "区域";
        version: "Version", "版本";
        batch: "Batch", "批次号";
        environment: "Environment of the process", "进程的环境变量";
        environment_hint: "Exported beside the script; the run's number and attempt are known when it starts.", "与脚本一起导出；运行编号与尝试次数在启动时确定。";
    }
}

impl Lang {
    /// The word for a line.
    pub fn line(self, number: &usize) -> String {
        match self {
            Self::En => format!("line {number}"),
            Self::Zh => format!("第 {number} 行"),
        }
    }

    /// How many names stay as they are.
    pub fn names_left(self, n: usize) -> String {
        match (self, n) {
            (Self::En, 1) => "1 name is not filled in; most belong to the shell.".to_owned(),
            (Self::En, n) => format!("{n} names are not filled in; most belong to the shell."),
            (Self::Zh, n) => format!("{n} 个名称不会被替换，通常是 shell 自己的变量。"),
        }
    }

    /// What is said of a place in a line.
    pub fn at_column(self, column: usize, message: &str) -> String {
        match self {
            Self::En => format!("column {column}: {message}"),
            Self::Zh => format!("第 {column} 列：{message}"),
        }
    }

    /// Why a name was not filled in.
    pub fn left(self, name: &str, known: bool) -> String {
        match (self, known) {
            (Self::En, false) => format!("${{{name}}} is not known and stays as it is"),
            (Self::Zh, false) => format!("${{{name}}} 未知，保持原样"),
            (Self::En, true) => {
                format!("${{{name}}} is only a part of another variable's value and stays as it is")
            }
            (Self::Zh, true) => format!("${{{name}}} 只是另一个变量值的一部分，保持原样"),
        }
    }
}
