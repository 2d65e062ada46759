// Submits reports to baocao and prints what comes back.
//
//	./generate && go mod tidy && go build
//	./submit nats://127.0.0.1:4222 H50.12.3 report.txt [...]
//
// For each report: its structure in one line, its findings, and the alerts. Ends when all results are there, with
// status 1 when one was refused.
package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	baocao "baocao.vn/examples/submit/generated/baocao/v1"
)

const resultWithin = 60 * time.Second

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: submit SERVER UNIT FILE...")
		os.Exit(2)
	}
	refused, err := run(os.Args[1], os.Args[2], os.Args[3:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "submit:", err)
		os.Exit(2)
	}
	if refused {
		os.Exit(1)
	}
}

// run submits the files one after the other; it says whether one was refused.
func run(server, unit string, paths []string) (refused bool, err error) {
	connection, err := nats.Connect(server)
	if err != nil {
		return false, err
	}
	defer connection.Close()
	js, err := connection.JetStream()
	if err != nil {
		return false, err
	}
	for _, path := range paths {
		id, err := submit(js, unit, path)
		if err != nil {
			return refused, fmt.Errorf("%s: %w", path, err)
		}
		fmt.Printf("%s: submission %s\n", filepath.Base(path), id)
		result, err := resultOf(js, unit, id)
		if err != nil {
			return refused, fmt.Errorf("%s: %w", path, err)
		}
		show(result)
		refused = refused || result.Status == baocao.Status_STATUS_REFUSED
		if err := showAlerts(js, unit, id); err != nil {
			return refused, fmt.Errorf("%s: %w", path, err)
		}
	}
	return refused, nil
}

// submit publishes a report, which JetStream confirms, and returns the id that its results carry.
func submit(js nats.JetStreamContext, unit, path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	id, err := newID()
	if err != nil {
		return "", err
	}
	submission := &baocao.ReportSubmission{
		SubmissionId: id,
		Unit:         unit,
		FileName:     filepath.Base(path),
		Content:      content,
	}
	if strings.HasSuffix(path, ".txt") {
		submission.MediaType = "text/plain" // else found by looking at the bytes
	}
	message := nats.NewMsg("baocao.report.received." + unit)
	if message.Data, err = proto.Marshal(submission); err != nil {
		return "", err
	}
	message.Header.Set("Content-Type", "application/protobuf")
	// A second publish after a lost confirmation is no second report; with the unit, whose ids nobody else gives.
	message.Header.Set("Nats-Msg-Id", unit+" "+id)
	message.Header.Set("ce-specversion", "1.0")
	message.Header.Set("ce-id", id)
	message.Header.Set("ce-type", "vn.baocao.report.submitted.v1")
	message.Header.Set("ce-source", "/examples/go")
	_, err = js.PublishMsg(message)
	return id, err
}

// newID returns a random UUID.
func newID() (string, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

// resultOf waits for the result of a submission.
func resultOf(js nats.JetStreamContext, unit, id string) (*baocao.ReportProcessed, error) {
	subject := "baocao.report.processed." + unit + "." + id
	subscription, err := js.SubscribeSync(subject, nats.OrderedConsumer(), nats.BindStream("BAOCAO_PROCESSED"))
	if err != nil {
		return nil, err
	}
	defer subscription.Unsubscribe()
	message, err := subscription.NextMsg(resultWithin)
	if err != nil {
		return nil, fmt.Errorf("nothing on %s within %s: %w", subject, resultWithin, err)
	}
	result := &baocao.ReportProcessed{}
	return result, proto.Unmarshal(message.Data, result)
}

func show(result *baocao.ReportProcessed) {
	if result.Status == baocao.Status_STATUS_REFUSED {
		fmt.Printf("  refused: %s: %s\n", result.Refusal.GetReason(), result.Refusal.GetMessageEn())
		return
	}
	report := result.GetReport()
	number := report.GetHeader().GetNumber().GetText()
	if number == "" {
		number = "(no number)"
	}
	fmt.Printf("  %s: %d sections, %d citations of %d documents, %d figures\n", number, len(report.GetSections()),
		len(report.GetCitations()), len(report.GetDocuments()), len(report.GetMeasures()))
	for _, finding := range result.Findings {
		severity := strings.ToLower(strings.TrimPrefix(finding.Severity.String(), "SEVERITY_"))
		fmt.Printf("  %s[%s]: %s\n", severity, finding.Rule, finding.MessageVi)
	}
}

// showAlerts prints the alerts of a submission. They are stored before the result, so all are there by now.
func showAlerts(js nats.JetStreamContext, unit, id string) error {
	subject := "baocao.alert.*.*." + unit + "." + id + ".*"
	subscription, err := js.SubscribeSync(subject, nats.OrderedConsumer(), nats.BindStream("BAOCAO_ALERTS"))
	if err != nil {
		return err
	}
	defer subscription.Unsubscribe()
	info, err := subscription.ConsumerInfo()
	if err != nil {
		return err
	}
	for count := info.Delivered.Consumer + info.NumPending; count > 0; count-- {
		message, err := subscription.NextMsg(5 * time.Second)
		if err != nil {
			return err
		}
		alert := &baocao.Alert{}
		if err := proto.Unmarshal(message.Data, alert); err != nil {
			return err
		}
		fmt.Printf("  alert %s on %s\n", alert.AlertId, message.Subject)
	}
	return nil
}
