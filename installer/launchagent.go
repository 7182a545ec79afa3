package installer

import (
	"bytes"
	"encoding/xml"
)

// agentLabel names our LaunchAgent, and its file.
const agentLabel = "io.github.spacehatch.tray"

// launchAgent is the property list that has launchd start a program at login
// (launchd.plist(5)): once, and not again when it ends.
func launchAgent(program string, args ...string) []byte {
	var b bytes.Buffer
	text := func(s string) {
		b.WriteString("<string>")
		_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
		b.WriteString("</string>\n")
	}
	b.WriteString(xml.Header +
		`<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n" +
		`<plist version="1.0">` + "\n<dict>\n\t<key>Label</key>\n\t")
	text(agentLabel)
	b.WriteString("\t<key>ProgramArguments</key>\n\t<array>\n")
	for _, arg := range append([]string{program}, args...) {
		b.WriteString("\t\t")
		text(arg)
	}
	b.WriteString("\t</array>\n\t<key>RunAtLoad</key>\n\t<true/>\n\t<key>ProcessType</key>\n\t<string>Interactive</string>\n</dict>\n</plist>\n")
	return b.Bytes()
}

// agent is what matters of a LaunchAgent.
type agent struct {
	label, program   string
	atLoad, disabled bool
}

// readLaunchAgent reads a property list in XML as far as it can; what it does
// not understand is left out.
func readLaunchAgent(data []byte) agent {
	var a agent
	d := xml.NewDecoder(bytes.NewReader(data))
	key, depth := "", 0 // the key of the outer dictionary that is being told
	for {
		token, err := d.Token()
		if err != nil { // the end, or no property list
			return a
		}
		switch t := token.(type) {
		case xml.StartElement:
			depth++
			var text string
			switch t.Name.Local {
			case "key", "string":
				if d.DecodeElement(&text, &t) != nil {
					return a
				}
				depth--
			}
			inner := depth > 2 // plist, dict
			switch {
			case t.Name.Local == "key" && !inner:
				key = text
			case t.Name.Local == "string" && key == "Label" && !inner:
				a.label = text
			case t.Name.Local == "string" && (key == "Program" || key == "ProgramArguments") && a.program == "":
				a.program = text
			case t.Name.Local == "true" && key == "RunAtLoad":
				a.atLoad = true
			case t.Name.Local == "true" && key == "Disabled":
				a.disabled = true
			}
		case xml.EndElement:
			depth--
		}
	}
}
