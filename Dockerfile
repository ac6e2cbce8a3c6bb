# All programs in one small image, which has no shell: a health check is the
# program's own command `health`.
# BuildKit compiles for other machines on this one (--platform linux/amd64,linux/arm64);
# an engine without it leaves the variables empty, and compiles for its own.
FROM --platform=${BUILDPLATFORM:-linux/amd64} golang:1.26 AS modules
ARG GOPROXY=https://proxy.golang.org,direct
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download

FROM modules AS build
COPY . .
ARG TARGETOS TARGETARCH
# What --version says: git is not in the context.
ARG VERSION=dev COMMIT=unknown DATE=unknown
# Without cgo the programs need nothing of the image that they run in.
RUN at=$(go list -m)/internal/version && CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -buildvcs=false -trimpath \
	-ldflags="-s -w -X $at.version=$VERSION -X $at.commit=$COMMIT -X $at.date=$DATE" -o /out/ ./cmd/...

FROM gcr.io/distroless/static-debian12:nonroot
# Version, revision and date come with make image.
LABEL org.opencontainers.image.title=Bellhop org.opencontainers.image.licenses=Apache-2.0 \
	org.opencontainers.image.description="Notification gateway over Server-Sent Events" \
	org.opencontainers.image.source=https://github.com/bellhop/bellhop
COPY --from=build /out/ /usr/local/bin/
USER 65532:65532
CMD ["/usr/local/bin/gateway"]
