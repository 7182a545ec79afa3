# The commands of this repository; `make` lists them. Everything that is made
# goes to build/, which git ignores.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# The same flags for everything, or the build cache would hold everything
# twice. The version comes from above and not from Go's own look at git, which
# fails where the folder belongs to somebody else.
# The tags are for the windows' toolkit: with them it is built in a minute in
# place of three, and draws without a graphics card.
export GOFLAGS := -trimpath -buildvcs=false -tags=gles,x11
# Where releases are: an https address that redirects to the page of the newest,
# whose address ends in its version. Without it a build looks for none.
RELEASES ?=
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.releasePage=$(RELEASES)

GOLANGCI_LINT_VERSION := v2.15.0
GOVULNCHECK_VERSION := v1.8.0

PLUGIN := github.com/aws/session-manager-plugin/src/sessionmanagerplugin-main
ALL_SYSTEMS := linux darwin windows

.PHONY: help
help: ## list these commands
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 12 | sed 's/^/  make /'

.PHONY: build
build: ## build build/spacehatch, static and stripped
	CGO_ENABLED=0 go build -ldflags '$(LDFLAGS)' -o build/ ./cmd/spacehatch

.PHONY: desktop
desktop: ## build build/spacehatch-desktop, the windows; needs a C compiler and what .ci/run installs
	go build -ldflags '$(LDFLAGS)' -o build/ ./cmd/spacehatch-desktop

.PHONY: windows
windows: ## build the programs for Windows in build/windows/ and their installer in dist/; needs mingw and nsis
	packaging/windows/make.sh '$(VERSION)' '$(LDFLAGS)'

# A Mac's windows and tray take cgo, and with it a Mac.
MAC_CGO := $(if $(filter Darwin,$(shell uname)),1,0)
MAC_PROGRAMS := spacehatch spacehatch-links $(if $(filter 1,$(MAC_CGO)),spacehatch-desktop)

.PHONY: macos
macos: ## make Spacehatch.app for both kinds of Mac in dist/; on a Mac with the windows and the tray
	@rm -rf build/macos
	@for arch in amd64 arm64; do for name in $(MAC_PROGRAMS); do echo "building $$name for darwin/$$arch"; \
		GOOS=darwin GOARCH=$$arch CGO_ENABLED=$(MAC_CGO) go build -ldflags '$(LDFLAGS)' -o build/macos/$$arch/ ./cmd/$$name; done; done
	@go run ./packaging/macos -version '$(VERSION)' -date '$(DATE)' -out dist/spacehatch-$(VERSION:v%=%)-macos.tar.gz
	@ls -l dist/*-macos.tar.gz

SCREENSHOTS := $(CURDIR)/build/screenshots

.PHONY: screenshots
screenshots: build desktop ## draw every window in every state to build/screenshots/, and go the way of a click with a camera
	CGO_ENABLED=0 go test -count=1 -run TestScreenshots ./app/window -screenshots $(SCREENSHOTS)
	CGO_ENABLED=0 go test -count=1 -run TestTheRealWindow ./cmd/spacehatch-desktop -screenshots $(SCREENSHOTS)
	go test -count=1 -run 'TestTheClick$$' ./e2e -screenshots $(SCREENSHOTS)

.PHONY: texts
texts: ## write the texts of problems that a translation can hold to build/texts.json
	CGO_ENABLED=0 go test -count=1 -run TestTextsOfProblems ./app/window -texts $(CURDIR)/build/texts.json

# The pictures of the documents, each with the screenshot that it is made from.
PICTURES := browser=real-browser-light consent=real-consent-light set-up=first-run-light tray=real-tray-light

.PHONY: pictures
pictures: screenshots ## make the pictures of the documents anew; needs pngquant and optipng
	@mkdir -p docs/pictures
	@for each in $(PICTURES); do \
		pngquant --force --strip --speed 1 --quality 70-95 --output docs/pictures/$${each%%=*}.png $(SCREENSHOTS)/$${each#*=}.png; \
		optipng -quiet -o5 docs/pictures/$${each%%=*}.png; \
	done; ls -l docs/pictures

.PHONY: browser
browser: ## pack the browser extension into dist/, and build/browser/ to load it from
	@go run ./packaging/browser -version '$(VERSION)'

.PHONY: browser-lint
browser-lint: browser ## have Mozilla's linter look at the extension; needs npm's registry
	npx --yes web-ext@10.7.0 lint --source-dir build/browser/firefox --no-config-discovery --warnings-as-errors

.PHONY: plugin
plugin: ## build AWS's own session-manager-plugin, to test against
	CGO_ENABLED=0 go -C e2e/plugin build -o ../../build/session-manager-plugin $(PLUGIN)

e2e/js/node_modules/.package-lock.json: e2e/js/package.json e2e/js/package-lock.json
	npm --prefix e2e/js ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: test
test: build plugin e2e/js/node_modules/.package-lock.json ## run every test; needs gcc, node and what .ci/run installs
	@started=$$SECONDS; \
	$(MAKE) -j2 --keep-going --output-sync=line test-vet test-unit test-js test-e2e test-faults test-soak test-dist || \
		{ echo; echo "make test: FAILED after $$((SECONDS - started)) s, see above"; exit 1; }; \
	echo; echo "make test: everything passed in $$((SECONDS - started)) s"

.PHONY: test-vet
test-vet:
	@for os in $(ALL_SYSTEMS); do echo "go vet for $$os"; GOOS=$$os CGO_ENABLED=0 go vet ./...; done

.PHONY: test-unit
test-unit: plugin desktop ## run the packages' own tests with the race detector
	go test -race -timeout 10m -skip '^TestATransfer|^TestNothingStaysOfManyConnections$$' $$(go list ./... | grep -v '/e2e')

.PHONY: test-js
test-js: build e2e/js/node_modules/.package-lock.json ## walk the simulator with AWS's SDK for JavaScript, and click in a browser with the extension
	@go run ./packaging/browser -version '$(VERSION)' -dist build/browser
	npm --prefix e2e/js test --loglevel=error

.PHONY: test-e2e
test-e2e: desktop packages e2e/js/node_modules/.package-lock.json ## drive the real program; makes user accounts, so as root or with sudo
	go test -count=1 -timeout 10m ./e2e/...

# Without the race detector, and many at once: most of the time is waiting.
.PHONY: test-faults
test-faults: ## move 256 MiB each way through OpenSSH while sockets and messages are lost
	go test -count=1 -timeout 10m -parallel 16 -run '^TestATransfer' ./cmd/spacehatch -transfer 256 -losses 100 -slow 2s

.PHONY: test-soak
test-soak: ## make and close 200 connections, and look for what is left
	go test -count=1 -timeout 10m -run '^TestNothingStaysOfManyConnections$$' ./cmd/spacehatch -soak 200

# By itself, since it takes wine, mingw and a build of the windows for Windows.
.PHONY: test-windows
test-windows: build ## install and use the programs for Windows in wine; makes a user account, so as root
	@mkdir -p build/signing
	@openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj '/CN=Spacehatch test' -addext extendedKeyUsage=codeSigning \
		-keyout build/signing/key.pem -out build/signing/certificate.pem 2>/dev/null
	QUICK=1 DIST=build/windows SIGN_CERTIFICATE=build/signing/certificate.pem SIGN_KEY=build/signing/key.pem \
		packaging/windows/make.sh '$(VERSION)-test' '$(LDFLAGS)'
	go test -count=1 -timeout 10m ./e2e/windows -setup $(CURDIR)/build/windows/spacehatch-$(VERSION:v%=%)-test-windows-amd64-setup.exe \
		-certificate $(CURDIR)/build/signing/certificate.pem

.PHONY: fmt
fmt: ## format the code
	gofmt -w $$(git ls-files '*.go')

.PHONY: lint
lint: build/bin/golangci-lint ## check format, vet for all systems, linters, layers
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "make fmt would change: $$unformatted"; exit 1; fi
	@$(MAKE) test-vet
	build/bin/golangci-lint run ./...

# A linter of this version that is installed already is as good as a built one.
# Made anew when the version above changes.
build/bin/golangci-lint: Makefile
	@mkdir -p build/bin
	@if installed=$$(command -v golangci-lint) && "$$installed" version --short 2>/dev/null | grep -qx '$(GOLANGCI_LINT_VERSION:v%=%)'; then \
		ln -sf "$$installed" $@; \
	else \
		echo "building golangci-lint $(GOLANGCI_LINT_VERSION): about two minutes"; \
		GOBIN=$(CURDIR)/build/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION); \
	fi

.PHONY: vuln
vuln: ## look for known vulnerabilities; needs vuln.go.dev
	@GOBIN=$(CURDIR)/build/bin go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)
	@code=0; said=$$(build/bin/govulncheck ./... 2>&1) || code=$$?; echo "$$said"; \
	if [ $$code -ne 0 ] && [ $$code -ne 3 ] && grep -qE 'vuln\.go\.dev|dial tcp|no such host' <<<"$$said"; then \
		echo "make vuln: NOT CHECKED, the database of vulnerabilities cannot be reached from here"; exit 0; \
	fi; exit $$code

# It makes a user account, which takes root.
BENCH = CGO_ENABLED=0 go build -o build/ ./e2e/bench ./e2e/bench/farend && $$([ "$$(id -u)" -eq 0 ] || echo sudo -n) build/bench -built build $(BENCH_FLAGS)

.PHONY: bench
bench: build plugin desktop ## measure what a user waits for; as root or with sudo; BENCH_FLAGS="-only open,banner" a part of it
	@$(BENCH)

.PHONY: bench-json
bench-json: ## the same as JSON, with nothing else on standard output
	@$(MAKE) build plugin desktop >&2
	@$(BENCH) -json

build/bin/nfpm: packaging/tools/go.mod packaging/tools/go.sum
	CGO_ENABLED=0 go -C packaging/tools build -o ../../build/bin/nfpm github.com/goreleaser/nfpm/v2/cmd/nfpm

# Everything in a release has this date: the commit's, in seconds since 1970.
DATE ?= $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null || date +%s))
MAKE_DIST = go run ./packaging/dist -version '$(VERSION)' -date '$(DATE)' -ldflags '$(LDFLAGS)'

.PHONY: packages
packages: build/bin/nfpm ## make the packages and the archive for this machine in build/packages/
	@rm -rf build/packages
	@$(MAKE_DIST) -out build/packages -scratch build/packages.parts -only linux/$$(go env GOARCH)

# The targets that put more of a release into dist/, and the programs that they
# make, whose parts and licences are listed, too.
NO_WINDOWS := $(shell for each in x86_64-w64-mingw32-gcc makensis; do command -v $$each >/dev/null || echo $$each; done)
DIST_TARGETS ?= browser macos $(if $(NO_WINDOWS),,windows)
DIST_PROGRAMS = build/windows/*.exe build/macos/*/spacehatch*

.PHONY: dist
dist: build/bin/nfpm ## make the files of a release for every system in dist/
	@rm -rf dist build/windows build/macos
	@[ -z '$(NO_WINDOWS)' ] || echo 'make dist: $(NO_WINDOWS) is missing, so there is no installer for Windows'
	@SOURCE_DATE_EPOCH='$(DATE)' $(MAKE) $(DIST_TARGETS)
	@$(MAKE_DIST) -also "$$(ls $(DIST_PROGRAMS) 2>/dev/null | paste -sd,)"
	@ls -l dist

.PHONY: test-dist
test-dist: packages ## make the packages again in another folder: every byte must be the same
	go test -count=1 -run '^TestTheSameFromElsewhere$$' ./packaging/dist -made $(CURDIR)/build/packages -again 'VERSION=$(VERSION) DATE=$(DATE) RELEASES=$(RELEASES)'

.PHONY: demo
demo: build ## a Studio on this machine, one link, one space, and then everything as it was
	simulator/demo.sh

.PHONY: clean
clean: ## remove everything that was made here
	rm -rf build dist e2e/js/node_modules
