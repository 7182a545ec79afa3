//go:build cgo || !darwin

package window

import (
	"fmt"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/app/view"
)

// state is one thing that a window can show.
type state struct {
	name   string
	screen view.Screen
}

func space() view.Space {
	return view.Space{
		Name: "fraud-model", Application: "JupyterLab", Account: "111122223333",
		Domain: "d-abcdefghijkl", Region: "eu-west-1", UserProfile: "alice",
	}
}

func steps(states ...view.State) []view.Step {
	details := []string{"fraud-model in eu-west-1", "open", "allowed this time", "already set up", "connected", "Visual Studio Code"}
	times := []time.Duration{0, 412 * time.Millisecond, 3200 * time.Millisecond, 8 * time.Millisecond, 611 * time.Millisecond, 1240 * time.Millisecond}
	var all []view.Step
	for i, id := range []string{"link", "tunnel", "consent", "ssh-config", "ssh", "editor"} {
		s := view.Step{ID: id, State: states[i]}
		switch s.State {
		case view.Done, view.Skipped:
			s.Detail, s.Elapsed = details[i], times[i]
		case view.Failed:
			s.Elapsed = times[i]
		}
		all = append(all, s)
	}
	return all
}

const configDiff = `--- ~/.ssh/config
+++ ~/.ssh/config
@@ -1,3 +1,7 @@
+# >>> spacehatch >>>
+Include spacehatch/config
+# <<< spacehatch <<<
+
 Host *
     ServerAliveInterval 30
     IdentityFile ~/.ssh/id_ed25519
--- /dev/null
+++ ~/.ssh/spacehatch/config
@@ -0,0 +1,12 @@
+Host *.hatch
+    User sagemaker-user
+    ProxyCommand "/usr/local/bin/spacehatch" proxy %n
+    ControlPath ~/.ssh/spacehatch/cm-%C
+    StrictHostKeyChecking accept-new
+    UserKnownHostsFile ~/.ssh/spacehatch/known_hosts
+    ServerAliveInterval 15
+    ServerAliveCountMax 4
+    Compression yes
+    AddKeysToAgent yes
+    ForwardAgent no
`

const settingsDiff = `--- ~/.config/Code/User/settings.json
+++ ~/.config/Code/User/settings.json
@@ -1,3 +1,4 @@
 {
+	"remote.SSH.connectTimeout": 120,
 	"editor.fontSize": 14
 }
`

func setup(stage view.Stage, states ...view.ItemState) view.Setup {
	s := view.Setup{ID: 7, Stage: stage, Items: []view.Item{
		{Key: "ssh", Kind: view.SSHConfig, Diff: configDiff, Chosen: true},
		{Key: "ide", Kind: view.IDE, Name: "Visual Studio Code", Options: []view.Option{{Key: "code", Title: "Visual Studio Code"}, {Key: "cursor", Title: "Cursor"}}, Option: "code"},
		{Key: "extension", Kind: view.Extension, Name: "ms-vscode-remote.remote-ssh", Editor: "Visual Studio Code", Chosen: true},
		{Key: "settings", Kind: view.Settings, Editor: "Visual Studio Code", Diff: settingsDiff, Chosen: true},
		{Key: "links", Kind: view.Links, Chosen: true},
		{Key: "login", Kind: view.Login},
		{Key: "agent", Kind: view.Agent},
	}}
	for i, state := range states {
		s.Items[i].State = state
	}
	return s
}

// hostile is what a link may try to show.
func hostile() string {
	return "{{.Space}} **bold** [x](https://evil.example) \x1b[31mred\x1b[0m \u202egnp.exe\u2066 a\u0000b\r\nsecond line\u2028third " + strings.Repeat("Ａ", 10_000)
}

func states() []state {
	const (
		waiting, running, asking, done, skipped, failed = view.Waiting, view.Running, view.Asking, view.Done, view.Skipped, view.Failed
	)
	connection := func(name string, c view.Connection) state {
		return state{"connection-" + name, view.Screen{Connection: &c}}
	}
	ask := func(name string, q view.Question) state {
		q.ID = 3
		return state{name, view.Screen{Connection: &view.Connection{Space: space(), Steps: steps(done, running, asking, waiting, waiting, waiting), Question: &q}}}
	}
	setUp := func(name string, s view.Setup) state { return state{"setup-" + name, view.Screen{Setup: &s}} }

	diagnose := func(name string, d view.Diagnostics) state {
		return state{"diagnostics-" + name, view.Screen{Diagnostics: &d}}
	}
	detail := func(name string, phase view.Phase, d view.Details) state {
		d.Alias, d.SSH, d.Phase = "fraud-model.hatch", "ssh fraud-model.hatch", phase
		if d.Space == (view.Space{}) {
			d.Space = space()
		}
		return state{"details-" + name, view.Screen{Details: &d}}
	}
	list := func(name string, v view.Spaces) state {
		if v.Region == "" && v.Problem == nil && !v.Loading {
			v.Region = "eu-west-1"
		}
		return state{"spaces-" + name, view.Screen{Spaces: &v}}
	}
	busy := spaceRows()
	busy[1].Doing, busy[1].Waiting = view.StartSpace, "waiting for AWS to start the space, 40 s so far; last time it took 2m10s"
	busy[3].Doing, busy[3].Waiting = view.StopSpace, "waiting for AWS to stop the space"
	broken := spaceRows()
	broken[1].Problem = &view.Problem{
		Code: "space-start-failed", Sentence: "AWS could not start the space “churn”: there is no capacity for ml.g5.2xlarge.", Hint: "Try again later, or choose another instance type in Studio.",
	}
	stopping := view.SpaceQuestion{Key: "q1", Yes: view.StopSpace, Change: view.Change{
		Title: `Stop the space "fraud-model"?`, Text: "What is not saved in it is lost, and who works in it is thrown out. Its files stay.", Cautious: true,
	}}
	starting := view.SpaceQuestion{Key: "q2", Yes: view.StartSpace, Change: view.Change{
		Title: `Start the space "churn"?`, Text: "AWS would\n\n  - start it on ml.t3.medium. That costs money until it is stopped.\n\nLast time that took 2m10s.",
	}}
	saved := view.Bundle{File: "/home/alice/Downloads/spacehatch-bugreport.zip", Folder: "/home/alice/Downloads"}

	unapplied := setup(view.Made, view.Applied, view.Applied, view.Unapplied, view.Applied, view.Declined, view.Declined, view.Off)
	unapplied.Items[2].Problem = &view.Problem{
		Code: "editor-failed", Sentence: "Visual Studio Code could not install the extension ms-vscode-remote.remote-ssh.",
		Hint: "Install it in Visual Studio Code itself, then open the space again.",
	}
	noIDE := setup(view.Choosing, view.Proposed, view.Off)
	noIDE.Items = []view.Item{noIDE.Items[0], {Key: "ide", Kind: view.IDE, State: view.Off}, {Key: "links", Kind: view.Links, State: view.Present}}
	oneIDE := setup(view.Choosing, view.Proposed, view.Present, view.Proposed, view.Proposed, view.Present, view.Proposed, view.Off)
	oneIDE.Items[1].Options = nil

	return append([]state{
		connection("begins", view.Connection{Steps: steps(running, waiting, waiting, waiting, waiting, waiting)}),
		connection("under-way", view.Connection{Space: space(), Steps: steps(done, done, skipped, skipped, running, waiting)}),
		connection("studio", view.Connection{Space: space(), Steps: []view.Step{
			{ID: "session", State: running, Detail: "waiting for Studio in your browser"},
		}}),
		connection("done", view.Connection{Space: space(), Steps: steps(done, done, done, skipped, done, done), Done: true, Editor: "Visual Studio Code"}),
		connection("done-without-ide", view.Connection{Space: space(), Steps: steps(done, done, done, skipped, done, skipped), Done: true}),
		connection("reopened", view.Connection{Space: space(), Steps: steps(waiting, skipped, skipped, skipped, skipped, done), Done: true, Editor: "Cursor"}),
		connection("refused", view.Connection{Steps: steps(failed, waiting, waiting, waiting, waiting, waiting), Problem: &view.Problem{
			Code:     "link-refused",
			Sentence: `The link was refused: its data channel would go to the host "ssmmessages.eu-west-1.example.com", which is not AWS.`,
			Hint:     "Open the space from Studio itself; if this link did not come from there, close the page that sent it.",
		}}),
		connection("tunnel-refused", view.Connection{Space: space(), Steps: steps(done, failed, done, skipped, waiting, waiting), Problem: &view.Problem{
			Code: "tunnel-refused", Sentence: "AWS refused the session of this link.",
			Hint:    "A link works once, for about a minute: click Open in VS Code in Studio again. If that does not help, look there whether the space is running.",
			Details: "open data channel: handshake: 403 Forbidden", Studio: "https://studio-d-abcdefghijkl.studio.eu-west-1.sagemaker.aws/",
			Program: "Spacehatch dev (linux/amd64)",
		}}),
		connection("start-the-space", view.Connection{Space: space(), Steps: steps(done, failed, waiting, waiting, waiting, waiting), Problem: &view.Problem{
			Code: "tunnel-refused", Sentence: "AWS refused the session of this link.", Retry: true, Starts: true,
			Hint:   "A link works once, for about a minute: click Open in VS Code in Studio again. If that does not help, look there whether the space is running.",
			Studio: "https://studio-d-abcdefghijkl.studio.eu-west-1.sagemaker.aws/",
		}}),
		connection("try-again", view.Connection{Space: space(), Steps: steps(done, done, done, skipped, done, failed), Problem: &view.Problem{
			Code: "no-editor", Sentence: "No IDE was found that can open a space: we looked for Visual Studio Code, Cursor and VSCodium.", Hint: "Install one of them and click again.", Retry: true,
			Studio: "https://studio-d-abcdefghijkl.studio.eu-west-1.sagemaker.aws/",
		}}),
		connection("denied", view.Connection{Space: space(), Steps: steps(failed, waiting, waiting, waiting, waiting, waiting), Problem: &view.Problem{
			Code: "access-denied", Sentence: "AWS does not allow the role Engineer to call sagemaker:StartSession.",
			Hint:  "Ask your AWS administrator to add the statement below to the role Engineer.",
			Paste: "{\n  \"Effect\": \"Allow\",\n  \"Action\": \"sagemaker:StartSession\",\n  \"Resource\": \"arn:aws:sagemaker:eu-west-1:111122223333:space/d-abcdefghijkl/fraud-model\"\n}",
			Retry: true, Details: "403 AccessDeniedException",
		}}),
		connection("sign-in", view.Connection{Space: space(), Steps: steps(failed, waiting, waiting, waiting, waiting, waiting), Problem: &view.Problem{
			Code: "credentials-expired", Sentence: `The sign-in of the AWS profile "work" has expired.`, Hint: "Run `spacehatch signin --profile work`, or click Open in VS Code in Studio again.", Retry: true,
			Studio: "https://studio-d-abcdefghijkl.studio.eu-west-1.sagemaker.aws/", SignIn: "work",
		}}),
		connection("sign-in-elsewhere", view.Connection{Space: space(), Steps: steps(failed, waiting, waiting, waiting, waiting, waiting), Problem: &view.Problem{
			Code: "credentials-expired", Sentence: `The sign-in of the AWS profile "work" has expired.`, Hint: "Run `aws login --profile work`, or click Open in VS Code in Studio again.", Retry: true,
		}}),
		connection("signed-in", view.Connection{SignIn: "work", Done: true}),
		connection("not-signed-in", view.Connection{SignIn: "work", Problem: &view.Problem{
			Code: "sign-in-denied", Sentence: `The sign-in to the AWS profile "work" was denied in the browser.`, Hint: "Sign in again if that was not you.", Retry: true,
		}}),
		ask("sign-in-question", view.Question{Change: &view.Change{
			Kind: view.SignInNow, Title: `Sign in to AWS now, profile "work"?`,
			Text: "The sign-in of the AWS profile \"work\" has expired.\n\nYour browser opens a page of AWS, where you confirm a code. The sign-in is kept\nwhere the AWS CLI keeps it, and lasts some hours.",
		}}),
		ask("sign-in-code", view.Question{SignIn: &view.SignIn{Profile: "work", Code: "KQXW-ZRTB", Address: "https://device.sso.eu-west-1.amazonaws.com/?user_code=KQXW-ZRTB"}}),
		ask("mfa", view.Question{MFA: &view.MFA{Profile: "work-admin", Device: "arn:aws:iam::111122223333:mfa/alice"}}),
		ask("mfa-hostile", view.Question{MFA: &view.MFA{Profile: hostile(), Device: hostile()}}),
		ask("sign-in-hostile", view.Question{SignIn: &view.SignIn{Profile: hostile(), Code: hostile(), Address: "javascript:" + hostile()}}),
		ask("consent", view.Question{Consent: &view.Consent{Space: space(), MayRemember: true}}),
		ask("consent-once", view.Question{Consent: &view.Consent{Space: view.Space{Name: "ws1", Region: "us-east-2"}}}),
		ask("consent-hostile", view.Question{Consent: &view.Consent{MayRemember: true, Space: view.Space{
			Name: hostile(), Application: hostile(), Account: hostile(), Domain: hostile(), Region: hostile(), UserProfile: hostile(),
		}}}),
		connection("hostile", view.Connection{
			Space:   view.Space{Name: hostile(), Application: hostile(), Account: hostile(), Domain: hostile(), Region: hostile()},
			Steps:   []view.Step{{ID: hostile(), State: failed, Detail: hostile()}},
			Problem: &view.Problem{Code: hostile(), Sentence: hostile(), Hint: hostile(), Details: hostile(), Studio: "javascript:alert(1)"},
		}),
		ask("change-ssh-config", view.Question{Change: &view.Change{
			Kind: view.SSHConfig, Title: "Update your SSH config?", Diff: configDiff,
			Text: "ssh, and every IDE that uses it, finds your spaces through these lines. The rest\nof your file stays as it is; `spacehatch ssh-config undo` takes them out again.",
		}}),
		ask("change-extension", view.Question{Change: &view.Change{
			Kind: view.Extension, Title: "Install the extension ms-vscode-remote.remote-ssh in Visual Studio Code?",
			Text: "Visual Studio Code needs it to open folders over SSH, and downloads it from its own marketplace.",
		}}),
		ask("change-host-key", view.Question{Change: &view.Change{
			Kind: view.HostKey, Title: "Another machine answers as fraud-model.hatch. Connect all the same?", Cautious: true,
			Text: "Its host key is not the one that was seen before. That is to be expected where\nthe space was restarted. If it was not, the link may be a forgery that leads to\nsomebody else's machine.\n\n" +
				"  before  ssh-ed25519 SHA256:3VsE9lO0c6Vn6jrZ3yZkWk8l6tqv8vqv3dJm8Xn2bEo\n  now     ssh-ed25519 SHA256:pQ2mJt9xw0a7l4kR5Gv1sYb8uHc3NzTfEoXi6LdMqAg",
		}}),
		ask("change-hostile", view.Question{Change: &view.Change{Title: hostile(), Text: hostile(), Diff: "+" + hostile() + "\n" + strings.Repeat("-x\n", 5000)}}),
		ask("first-run", view.Question{Setup: new(setup(view.Choosing, view.Proposed, view.Present, view.Proposed, view.Proposed, view.Proposed, view.Proposed, view.Off))}),
		setUp("choose", setup(view.Choosing, view.Proposed, view.Proposed, view.Proposed, view.Proposed, view.Proposed, view.Proposed, view.Off)),
		setUp("one-ide", oneIDE),
		setUp("no-ide", noIDE),
		setUp("all-is-well", setup(view.Choosing, view.Present, view.Present, view.Present, view.Present, view.Present, view.Present, view.Off)),
		setUp("making", setup(view.Making, view.Applied, view.Applied, view.Applying, view.Proposed, view.Declined, view.Declined, view.Off)),
		setUp("made", setup(view.Made, view.Applied, view.Applied, view.Applied, view.Applied, view.Declined, view.Declined, view.Off)),
		setUp("failed", unapplied),
		list("listed", view.Spaces{Rows: spaceRows()}),
		list("thousand", view.Spaces{Rows: manySpaces(1000), Whose: "alice", Hidden: 24}),
		list("filtered", view.Spaces{Rows: spaceRows(), Filter: view.SpaceFilter{Text: "code", Domain: "d-abcdefghijkl"}}),
		list("nothing-fits", view.Spaces{Rows: spaceRows(), Filter: view.SpaceFilter{Text: "no such space"}}),
		list("opening", view.Spaces{Loading: true}),
		list("loading", view.Spaces{Loading: true, Region: "eu-west-1", Found: 240}),
		list("again", view.Spaces{Loading: true, Region: "eu-west-1", Rows: spaceRows()}),
		list("none", view.Spaces{Whose: "alice", Hidden: 12}),
		list("busy", view.Spaces{Rows: busy}),
		list("broken", view.Spaces{Rows: broken, Notices: []view.Problem{{Sentence: "Domain d-zyxwvutsrqpo could not be looked at.", Hint: "Its spaces are missing here."}}}),
		list("stop", view.Spaces{Rows: spaceRows(), Question: &stopping}),
		list("start", view.Spaces{Rows: spaceRows(), Question: &starting}),
		list("no-credentials", view.Spaces{Problem: &view.Problem{
			Code: "no-credentials", Sentence: "There are no AWS credentials on this machine.", Hint: "Run `aws configure sso` or `aws login`, or set AWS_PROFILE, then try again.",
		}}),
		list("sign-in", view.Spaces{Problem: &view.Problem{
			Code: "credentials-expired", Sentence: `The sign-in of the AWS profile "work" has expired.`, Hint: "Run `spacehatch signin --profile work`.", SignIn: "work",
		}}),
		list("denied", view.Spaces{Region: "eu-west-1", Problem: &view.Problem{
			Code: "access-denied", Sentence: "The role Engineer may not list spaces.", Hint: "Ask an administrator to add this statement to it:",
			Paste: "{\n  \"Effect\": \"Allow\",\n  \"Action\": \"sagemaker:ListSpaces\",\n  \"Resource\": \"*\"\n}",
		}}),
		list("hostile", view.Spaces{Region: hostile(), Whose: hostile(), Hidden: 1, Rows: []view.SpaceRow{
			{Key: "1", Name: hostile(), Domain: hostile(), Owner: hostile(), App: hostile(), Status: view.SpaceStatus(hostile()), Instance: hostile(), Used: hostile()},
			{Key: "2", Name: hostile(), Doing: hostile(), Waiting: hostile(), Problem: &view.Problem{Sentence: hostile(), Hint: hostile()}},
		}, Notices: []view.Problem{{Sentence: hostile(), Hint: hostile()}}}),
		detail("connected", view.PhaseConnected, view.Details{Figures: figures()}),
		detail("ready", view.PhaseReady, view.Details{Figures: figures()[:5]}),
		detail("connecting", view.PhaseConnecting, view.Details{Figures: figures()[:3]}),
		detail("reconnecting", view.PhaseReconnecting, view.Details{Figures: figures()}),
		detail("paused", view.PhasePaused, view.Details{Figures: figures()}),
		detail("silent", view.PhaseSilent, view.Details{Figures: figures()}),
		detail("closed", view.PhaseEnded, view.Details{}),
		detail("lost", view.PhaseEnded, view.Details{Problem: &view.Problem{
			Code: "tunnel-refused", Sentence: "AWS ended the session of this connection.", Hint: "Open the space again; what runs in it goes on.",
		}}),
		detail("opening", view.PhaseConnected, view.Details{Figures: figures(), Doing: view.OpenIDE}),
		detail("disconnecting", view.PhaseConnected, view.Details{Figures: figures(), Doing: view.Disconnect}),
		detail("not-reopened", view.PhaseConnected, view.Details{Figures: figures(), Problem: &view.Problem{
			Sentence: "No IDE was found that can open a space.", Hint: "Install Visual Studio Code or another IDE that we know.",
		}}),
		detail("hostile", view.PhaseConnected, view.Details{
			Space:   view.Space{Name: hostile(), Application: hostile(), Account: hostile(), Domain: hostile(), Region: hostile(), UserProfile: hostile()},
			Figures: []view.Figure{{Kind: view.LastReconnect, Value: hostile()}, {Kind: view.FigureKind(hostile()), Value: "1"}},
			Problem: &view.Problem{Sentence: hostile(), Hint: hostile()},
		}),
		diagnose("looking", view.Diagnostics{Looking: true}),
		diagnose("waiting", view.Diagnostics{Looking: true, Online: true, Done: 17, All: 24, Waiting: "Visual Studio Code"}),
		diagnose("found", view.Diagnostics{Findings: findings(), Text: "all of it"}),
		diagnose("mending", view.Diagnostics{Findings: findings(), Mending: "ssh-config"}),
		diagnose("mended", view.Diagnostics{Findings: mended(), Bundle: &saved}),
		diagnose("again", view.Diagnostics{Looking: true, Done: 3, All: 24, Findings: findings()}),
		diagnose("saving", view.Diagnostics{Online: true, Findings: findings()[3:], Bundle: &view.Bundle{Saving: true}}),
		diagnose("not-saved", view.Diagnostics{Findings: findings()[4:], Bundle: &view.Bundle{Problem: &view.Problem{
			Sentence: "The report could not be written to /home/alice/Downloads/spacehatch-bugreport.zip.", Hint: "Make room on the disk.",
		}}}),
		diagnose("hostile", view.Diagnostics{Findings: []view.Finding{{
			Key: hostile(), Severity: view.Severity(hostile()), Title: hostile(), Sentence: hostile(), Hint: hostile(), Fixable: true,
		}}, Bundle: &view.Bundle{File: hostile(), Folder: hostile()}}),
	}, settingsStates()...)
}

func findings() []view.Finding {
	return []view.Finding{
		{Key: "ssh-config", Severity: view.Error, Title: "SSH config", Sentence: "Your SSH config does not include Spacehatch's file.", Hint: "`spacehatch setup` adds it.", Fixable: true},
		{Key: "ca", Severity: view.Warning, Title: "Certificates", Sentence: "The certificate “Example Corp Root” in /etc/ssl/corp.pem expires on 2026-12-01.", Hint: "Ask who made it for a new one."},
		{Key: "sockets", Severity: view.Warning, Title: "Sockets", Sentence: "2 sockets left behind by connections that ended.", Hint: "", Fixable: true},
		{Key: "network", Severity: view.Notice, Title: "Network", Sentence: "AWS was not asked.", Hint: "“Check AWS too” does."},
		{Key: "openssh", Severity: view.Fine, Title: "OpenSSH", Sentence: "OpenSSH 9.2 is installed."},
		{Key: "ide-code", Severity: view.Fine, Title: "Visual Studio Code", Sentence: "Version 1.106 with its Remote-SSH extension."},
	}
}

func mended() []view.Finding {
	all := findings()
	all[0].Severity, all[0].Fixable, all[0].Hint = view.Mended, false, ""
	all[0].Sentence += " The lines were added."
	return all
}

func figures() []view.Figure {
	return []view.Figure{
		{Kind: view.OpenFor, Value: "1h31m7s"}, {Kind: view.RoundTrip, Value: "38 ms"},
		{Kind: view.Receiving, Value: "1.4 MiB/s"}, {Kind: view.Sending, Value: "12 KiB/s"},
		{Kind: view.Received, Value: "3.1 GiB"}, {Kind: view.Sent, Value: "41.3 MiB"},
		{Kind: view.Unacknowledged, Value: "12 KiB / 1 MiB"}, {Kind: view.SentAgain, Value: "0"},
		{Kind: view.SessionFrom, Value: "link"}, {Kind: view.Reconnects, Value: "1"}, {Kind: view.ProcessID, Value: "48213"},
		{Kind: view.LastReconnect, Value: "14:03:09: the gateway closed the web socket: 1000"},
	}
}

func spaceRows() []view.SpaceRow {
	const domain, other = "d-abcdefghijkl", "d-zyxwvutsrqpo"
	return []view.SpaceRow{
		{Key: "1", Name: "fraud-model", Domain: domain, Owner: "alice", App: "JupyterLab", Status: view.SpaceRunning, Instance: "ml.g5.2xlarge", Remote: true, Used: "2026-11-25 14:03", Connected: true},
		{Key: "2", Name: "churn", Domain: domain, Owner: "alice", App: "CodeEditor", Status: view.SpaceStopped, Remote: true, Used: "2026-11-20 09:12"},
		{Key: "3", Name: "demand-forecast", Domain: domain, Owner: "bob", App: "JupyterLab", Status: view.SpaceRunning, Instance: "ml.t3.large"},
		{Key: "4", Name: "nightly", Domain: other, Owner: "carol", App: "CodeEditor", Status: view.SpaceStarting, Remote: true},
		{Key: "5", Name: "pricing", Domain: other, Owner: "carol", App: "JupyterLab", Status: view.SpaceFailed, Remote: true},
		{Key: "6", Name: "shared-notebooks", Domain: other, App: "JupyterLab", Status: view.SpaceStopped, Remote: true},
	}
}

func manySpaces(n int) []view.SpaceRow {
	kinds, all := spaceRows(), []view.SpaceRow{}
	for i := range n {
		r := kinds[i%len(kinds)]
		r.Key, r.Name = fmt.Sprint(i), fmt.Sprintf("space-%04d", i)
		all = append(all, r)
	}
	return all
}
