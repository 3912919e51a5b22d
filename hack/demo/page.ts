export interface PageOptions {
  /** The copied manifests. */
  readonly directory: string;
  readonly host: string;
  readonly port: number;
  readonly adminPort: number;
}

/** What stands above the log: addresses, and three things to try. Every command can be pasted into another terminal. */
export function page({ directory, host, port, adminPort }: PageOptions): string {
  const url = `http://${host}:${port}`;
  const admin = `http://127.0.0.1:${adminPort}`;
  return `
Nuncio is serving the manifests in ${directory}

  ${url}/quote/   a quote, as JSON
  ${url}/hello/   what the service got: path and headers
  ${admin}/readyz   health; /metrics is beside it

Three things to try, in another terminal:

1. Send a request.

  curl ${url}/quote/

2. Edit a manifest; the change is live as soon as the file is saved.

  sed -i 's|prefix: /hello/|prefix: /hi/|' ${directory}/quote.yaml
  curl ${url}/hi/

3. Break a manifest. The error is told below, and the route keeps serving in its last good form.

  sed -i 's|timeout_ms: 5000|timeout_ms: 5s|' ${directory}/quote.yaml
  curl ${url}/quote/

The other files there show canaries, host names, conditions, headers, redirects and retries, each with requests to try in its first lines.
Ctrl-C ends everything and removes the directory.
`;
}
