// Asks the real Quartz 2.3.2 when expressions fire, and which it refuses; writes quartz-fires.tsv
// and quartz-refused.tsv into the folder named by the first argument. To run it, in this folder:
//   mvn dependency:copy -Dartifact=org.quartz-scheduler:quartz:2.3.2 -DoutputDirectory=/tmp/quartz
//   mvn dependency:copy -Dartifact=org.slf4j:slf4j-api:1.7.36 -DoutputDirectory=/tmp/quartz
//   java -cp '/tmp/quartz/*' QuartzVectors.java ../data
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.ParseException;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TimeZone;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.quartz.CronExpression;

public class QuartzVectors {
    // Zones without summer time in the years below: what Quartz does there is all we want of it.
    static final List<String> ZONES = List.of("Asia/Shanghai", "UTC", "Asia/Kolkata");

    // Ends of short, long and leap months, the end of a year, a plain day, the last of all years.
    static final List<String> STARTS = List.of(
            "2026-11-20T09:30:15",
            "2027-02-27T23:59:58",
            "2028-02-28T12:00:00",
            "2026-12-31T23:59:59",
            "2027-01-31T00:00:00",
            "2028-04-30T17:45:30",
            "2026-08-01T00:00:00");
    static final String LATE = "2096-02-28T00:00:00";

    static final int FIRES = 10;
    // Quartz's documentation ends the years at 2099, its code a hundred years from today.
    static final int LAST_YEAR = 2099;

    // Quartz itself never comes back from some expressions (L-14W); its searches can be given up.
    static final ExecutorService WORKERS = Executors.newCachedThreadPool(search -> {
        Thread thread = new Thread(search);
        thread.setDaemon(true);
        return thread;
    });

    static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss");

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        List<String> expressions = new ArrayList<>(accepted());
        try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(folder.resolve("quartz-fires.tsv")))) {
            out.println("zone\tafter\texpression\tfires");
            for (int index = 0; index < expressions.size(); index++) {
                String zone = ZONES.get(index % ZONES.size());
                out.println(line(zone, STARTS.get(index % STARTS.size()), expressions.get(index)));
            }
            for (String expression : days()) {
                out.println(line("UTC", LATE, expression));
            }
        }
        try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(folder.resolve("quartz-refused.tsv")))) {
            out.println("expression\tmessage");
            for (String expression : refused()) {
                String message = message(expression);
                if (message == null) {
                    System.err.println("Quartz accepts " + expression);
                } else {
                    out.println(expression + "\t" + message);
                }
            }
        }
    }

    // One line of fires; fewer than FIRES of them mean that none follows.
    static String line(String zone, String start, String text) throws Exception {
        ZoneId id = ZoneId.of(zone);
        CronExpression expression = new CronExpression(text);
        expression.setTimeZone(TimeZone.getTimeZone(id));
        StringBuilder line = new StringBuilder(zone + "\t" + start + "\t" + text + "\t");
        Date at = Date.from(LocalDateTime.parse(start).atZone(id).toInstant());
        for (int fire = 0; fire < FIRES; fire++) {
            Date after = at;
            try {
                at = CompletableFuture.supplyAsync(() -> expression.getTimeAfter(after), WORKERS)
                        .get(2, TimeUnit.SECONDS);
            } catch (TimeoutException endless) {
                return line.append(fire == 0 ? "" : " ").append("endless").toString();
            }
            if (at == null) {
                break;
            }
            LocalDateTime local = LocalDateTime.ofInstant(at.toInstant(), id);
            if (local.getYear() > LAST_YEAR) {
                break;
            }
            line.append(fire == 0 ? "" : " ").append(TIME.format(local));
        }
        return line.toString();
    }

    static String message(String text) {
        try {
            new CronExpression(text);
        } catch (ParseException refusal) {
            return refusal.getMessage();
        }
        return null;
    }

    static Set<String> accepted() {
        Set<String> all = new LinkedHashSet<>();
        for (String seconds : List.of("*", "0", "59", "/15", "*/7", "5/20", "10,40", "50-10", "50-10/5", "0-30/10",
                "3,7-9,50-1,20/13")) {
            all.add(seconds + " * * * * ?");
            all.add(seconds + " 59 23 * * ?");
            all.add(seconds + " 0 0 L * ?");
        }
        for (String minutes : List.of("*", "0", "59", "/20", "*/25", "7/19", "15,45", "55-5", "58-20/11", "10-20/5",
                "1,3-4,57-0,30/10")) {
            all.add("0 " + minutes + " * * * ?");
            all.add("30 " + minutes + " 23 ? * SUN");
            all.add("0 " + minutes + " 12 LW * ?");
        }
        for (String hours : List.of("*", "0", "23", "/6", "*/5", "9/4", "8,20", "22-2", "20-9/3", "9-17/2",
                "1,5-6,23-0,12/4")) {
            all.add("0 0 " + hours + " * * ?");
            all.add("0 30 " + hours + " ? * MON-FRI");
            all.add("0 0 " + hours + " 15W * ?");
            all.add("15 45 " + hours + " ? * 2#1");
        }
        for (String months : List.of("2", "4", "12", "FEB", "dec", "/3", "*/5", "2/6", "1,7", "FEB,APR-JUN", "11-2",
                "NOV-FEB", "10-3/2", "3-9/3", "1,12")) {
            for (String days : List.of("1 %s ?", "31 %s ?", "29 %s ?", "? %s MON", "L %s ?", "? %s 6L", "? %s 1#5")) {
                all.add("0 0 6 " + days.formatted(months));
            }
        }
        for (String years : List.of("*", "2027", "2026-2028", "2027,2030", "2026/3", "2024-2040/4", "/10", "*/25",
                "2020-2025", "2098-2099")) {
            for (String days : List.of("* * ?", "29 2 ?", "L 2 ?", "? 2 5#5", "1W 1 ?", "? 12 SATL")) {
                all.add("0 0 0 " + days + " " + years);
            }
        }
        all.addAll(days());
        // Never, and only once in a while.
        all.addAll(List.of("0 0 0 30 2 ?", "0 0 0 31 4 ?", "0 0 0 31 2,4,6,9,11 ?", "0 0 0 29 2 ? 2027",
                "0 0 0 ? 2 1#5", "0 0 0 ? 2 SAT#5", "0 0 0 29 2 ?", "59 59 23 31 12 ?", "0 0 0 31 * ?"));
        // Blanks, letters of both cases.
        all.addAll(List.of(" 0  0   3 * * ? ", "0 0 3 ? jan-MAR mon,Wed,FRI", "0 0 3 l * ?", "0 0 3 lw * ?",
                "0 0 3 3w * ?", "0 0 3 ? * fril", "0 0 3 ? * tue#3"));
        return all;
    }

    static Set<String> days() {
        Set<String> all = new LinkedHashSet<>();
        for (int day = 1; day <= 31; day++) {
            all.add("0 0 8 " + day + " * ?");
            all.add("0 0 8 " + day + "W * ?");
            all.add("0 0 8 L-" + (day - 1) + " * ?");
            all.add("0 0 8 L-" + (day - 1) + "W * ?");
        }
        for (String days : List.of("*", "L", "LW", "/10", "*/9", "4/9", "1,15,31", "28-3", "25-5/4", "10-20/3",
                "1,30-2,14/8")) {
            all.add("0 15 8 " + days + " * ?");
        }
        String[] names = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};
        for (int day = 1; day <= 7; day++) {
            all.add("0 0 8 ? * " + day);
            all.add("0 0 8 ? * " + names[day - 1]);
            all.add("0 0 8 ? * " + day + "L");
            all.add("0 0 8 ? * " + names[day - 1] + "L");
            all.add("0 0 8 ? * " + names[day - 1] + "#" + (day % 5 + 1));
            for (int week = 1; week <= 5; week++) {
                all.add("0 0 8 ? * " + day + "#" + week);
            }
            all.add("0 0 8 ? * " + day + "-" + (day % 7 + 1));
            all.add("0 0 8 ? * " + names[day - 1] + "-" + names[(day + 2) % 7]);
            all.add("0 0 8 ? * " + day + "/2");
        }
        for (String days : List.of("*", "L", "/3", "*/2", "3/2", "2,4", "FRI-MON", "6-2", "6-3/2", "MON,WED,FRI",
                "1,4-5,7")) {
            all.add("0 15 8 ? * " + days);
        }
        return all;
    }

    static List<String> refused() {
        return List.of(
                "0 0 3", "0 0 3 * *", "x", "60 0 3 * * ?", "0 60 3 * * ?", "0 0 24 * * ?", "0 0 3 0 * ?",
                "0 0 3 32 * ?", "0 0 3 1 0 ?", "0 0 3 1 13 ?", "0 0 3 ? * 0", "0 0 3 ? * 8", "0 0 3 ? * 1-8",
                "0 50-60 3 * * ?", "0 0 3 1-32 * ?", "0 0 3 1 10-13 ?",
                "0 0 3 ? * ?", "0 0 3 1 * 2", "0 0 3 L * 6L", "0 0 3 15W * MON", "0 0 3 1 * *", "0 0 3 * * ? 2030-2020",
                "? 0 3 * * ?", "0 ? 3 * * ?", "0 0 ? * * ?", "0 0 3 * ? ?", "0 0 3 ?x5 * 1",
                "0/60 0 3 * * ?", "0 0/60 3 * * ?", "0 0 0/24 * * ?", "0 0 3 1/32 * ?", "0 0 3 1 1/13 ?",
                "0 0 3 ? * 1/8", "0 / 3 * * ?", "0 */ 3 * * ?", "0 5/ 3 * * ?", "0 0 /x * * ?",
                "0 0 3 ? * MONDAYL,2", "0 0 3 ? * 6L,2", "0 0 3 ? * 2,6L", "0 0 3 ? * 6#3,2#1", "0 0 3 1,L * ?",
                "0 0 3 L,15 * ?", "0 0 3 LW,15 * ?", "0 0 3 L-3,15 * ?", "0 0 3 ? * L,2",
                "0 0 3 L-31 * ?", "0 0 3 L- * ?", "0 0 3 LW-3 * ?", "0 0 3 WL * ?", "0 0 3 W * ?", "0 0 3 W15 * ?",
                "0 0 3 32W * ?", "0 0 3 15L * ?", "0 0 3 15# * ?", "0 0 3 6#3 * ?", "0 0 3 ? * 15W", "0 0 3 ? * 2W",
                "0 0 3 ? * 6#0", "0 0 3 ? * 6#6", "0 0 3 ? * 6#", "0 0 3 ? * FRI#", "0 0 3 ? * FRI#9", "0 0 3 ? * 8L",
                "0 0 3 ? * 0L", "0 0 3 ? * #2", "0 0 3 ? * FRY", "0 0 3 ? * FR", "0 0 3 ? * MON-FRY", "0 0 3 1 JON ?",
                "0 0 3 1 JAN-FOO ?", "0 0 3 MON * ?", "0 JAN 3 * * ?", "0 0 5L * * ?",
                "0 0 5W * * ?", "0 0 5#1 * * ?", "0 0 3 1 5L ?", "0 0 3 1 5W ?", "0 0 3 * * ? 2027L", "0 -1 3 * * ?",
                "0 0 3 -5 * ?", "0 5- 3 * * ?", "0 0 3 ? * 2-FRI", "0 0 3 5-L * ?", "0 0 3 ! * ?", "0 0 3 15 * ? x",
                "0 0 +3 * * ?", "@daily", "");
    }
}
