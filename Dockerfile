# One static program in an empty image, run by nobody in particular.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
# The repository's history comes along, for `paperplane version`.
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/paperplane ./cmd/paperplane
# A new volume takes its owner from the folder that it is mounted over.
RUN mkdir /out/shared

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/paperplane /paperplane
COPY --from=build --chown=65532:65532 /out/shared /shared
USER 65532:65532
# The pages, and Kratos' hooks: publish only the first.
EXPOSE 4455 4456
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s CMD ["/paperplane", "health"]
ENTRYPOINT ["/paperplane"]
CMD ["serve"]
