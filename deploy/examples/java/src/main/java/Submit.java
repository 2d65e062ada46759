import com.google.protobuf.ByteString;
import io.nats.client.Connection;
import io.nats.client.JetStream;
import io.nats.client.JetStreamSubscription;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.PushSubscribeOptions;
import io.nats.client.impl.Headers;
import io.nats.client.impl.NatsMessage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import vn.baocao.v1.Alert;
import vn.baocao.v1.Finding;
import vn.baocao.v1.Report;
import vn.baocao.v1.ReportProcessed;
import vn.baocao.v1.ReportSubmission;
import vn.baocao.v1.Status;

/**
 * Submits reports to baocao and prints what comes back.
 *
 * <pre>
 * mvn package
 * java -jar target/submit.jar nats://127.0.0.1:4222 H50.12.3 report.txt [...]
 * </pre>
 *
 * For each report: its structure in one line, its findings, and the alerts. Ends when all results are there, with status 1
 * when one was refused.
 */
public final class Submit {
    private static final Duration RESULT = Duration.ofSeconds(60);
    /** Alerts are stored before the result, so no more come once there is silence for this long. */
    private static final Duration SILENCE = Duration.ofSeconds(1);

    private Submit() {}

    /** Publishes a report; JetStream confirms it. Returns the id its results carry. */
    private static String submit(JetStream stream, String unit, Path path) throws Exception {
        String id = UUID.randomUUID().toString();
        String name = path.getFileName().toString();
        ReportSubmission report = ReportSubmission.newBuilder()
                .setSubmissionId(id)
                .setUnit(unit)
                .setFileName(name)
                .setMediaType(name.endsWith(".txt") ? "text/plain" : "") // empty: found by looking at the bytes
                .setContent(ByteString.copyFrom(Files.readAllBytes(path)))
                .build();
        Headers headers = new Headers()
                .put("Content-Type", "application/protobuf")
                // a second publish after a lost confirmation is no second report; with the unit, whose ids nobody else gives
                .put("Nats-Msg-Id", unit + " " + id)
                .put("ce-specversion", "1.0")
                .put("ce-id", id)
                .put("ce-type", "vn.baocao.report.submitted.v1")
                .put("ce-source", "/examples/java");
        stream.publish(NatsMessage.builder()
                .subject("baocao.report.received." + unit)
                .headers(headers)
                .data(report.toByteArray())
                .build());
        return id;
    }

    /** Messages on a subject of a stream, those that are there and those that come. */
    private static JetStreamSubscription follow(JetStream stream, String name, String subject) throws Exception {
        PushSubscribeOptions options = PushSubscribeOptions.builder().stream(name).ordered(true).build();
        return stream.subscribe(subject, options);
    }

    private static ReportProcessed result(JetStream stream, String unit, String id) throws Exception {
        String subject = "baocao.report.processed." + unit + "." + id;
        JetStreamSubscription results = follow(stream, "BAOCAO_PROCESSED", subject);
        Message message = results.nextMessage(RESULT);
        results.unsubscribe();
        if (message == null) {
            throw new IllegalStateException("nothing on " + subject + " within " + RESULT);
        }
        return ReportProcessed.parseFrom(message.getData());
    }

    private static List<Alert> alerts(JetStream stream, String unit, String id) throws Exception {
        List<Alert> alerts = new ArrayList<>();
        JetStreamSubscription found = follow(stream, "BAOCAO_ALERTS", "baocao.alert.*.*." + unit + "." + id + ".*");
        for (Message message = found.nextMessage(SILENCE); message != null; message = found.nextMessage(SILENCE)) {
            alerts.add(Alert.parseFrom(message.getData()));
        }
        found.unsubscribe();
        return alerts;
    }

    private static void show(ReportProcessed result) {
        if (result.getStatus() == Status.STATUS_REFUSED) {
            System.out.printf("  refused: %s: %s%n", result.getRefusal().getReason(), result.getRefusal().getMessageEn());
            return;
        }
        Report report = result.getReport();
        String number = report.getHeader().getNumber().getText();
        System.out.printf(
                "  %s: %d sections, %d citations of %d documents, %d figures%n",
                number.isEmpty() ? "(no number)" : number,
                report.getSectionsCount(),
                report.getCitationsCount(),
                report.getDocumentsCount(),
                report.getMeasuresCount());
        for (Finding finding : result.getFindingsList()) {
            String severity = finding.getSeverity().name().replace("SEVERITY_", "").toLowerCase();
            System.out.printf("  %s[%s]: %s%n", severity, finding.getRule(), finding.getMessageVi());
        }
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length < 3) {
            System.err.println("usage: java -jar target/submit.jar SERVER UNIT FILE...");
            System.exit(2);
        }
        String unit = arguments[1];
        boolean refused = false;
        try (Connection connection = Nats.connect(arguments[0])) {
            JetStream stream = connection.jetStream();
            for (String argument : Arrays.asList(arguments).subList(2, arguments.length)) {
                Path path = Path.of(argument);
                String id = submit(stream, unit, path);
                System.out.printf("%s: submission %s%n", path.getFileName(), id);
                ReportProcessed result = result(stream, unit, id);
                show(result);
                refused |= result.getStatus() == Status.STATUS_REFUSED;
                List<Alert> alerts = alerts(stream, unit, id);
                alerts.forEach(alert -> System.out.printf("  alert %s: %s%n", alert.getAlertId(), alert.getRule()));
                if (alerts.isEmpty()) {
                    System.out.println("  no alerts");
                }
            }
        }
        System.exit(refused ? 1 : 0);
    }
}
