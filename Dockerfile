# All programs in one small image, which has no shell: a health check is the
# program's own command `health`.
FROM golang:1.26 AS modules
ARG GOPROXY=https://proxy.golang.org,direct
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download

FROM modules AS build
COPY . .
# What --version says: git is not in the context.
ARG VERSION=dev COMMIT=unknown DATE=unknown
# Without cgo the programs need nothing of the image that they run in.
RUN CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags="-s -w \
	-X github.com/bellhop/bellhop/internal/version.version=$VERSION \
	-X github.com/bellhop/bellhop/internal/version.commit=$COMMIT \
	-X github.com/bellhop/bellhop/internal/version.date=$DATE" -o /out/ ./cmd/...

FROM gcr.io/distroless/static-debian12:nonroot
LABEL org.opencontainers.image.title=Bellhop org.opencontainers.image.licenses=Apache-2.0
COPY --from=build /out/ /usr/local/bin/
USER 65532:65532
CMD ["/usr/local/bin/gateway"]
