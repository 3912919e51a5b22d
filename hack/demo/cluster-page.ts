export interface ClusterPageOptions {
  readonly directory: string;
  /** Of kubectl for this cluster. */
  readonly kubectl: string;
  /** To be sourced by a shell. */
  readonly env: string;
  readonly badMapping: string;
  readonly url: string;
  readonly adminUrl: string;
}

/** What stands above the log: addresses, and three things to try. Every command can be pasted into another terminal. */
export function clusterPage(options: ClusterPageOptions): string {
  const { directory, kubectl, env, badMapping, url, adminUrl } = options;
  return `
Nuncio is serving the resources of a Kubernetes API server of its own

  ${url}/quote/   a quote, as JSON
  ${url}/hello/   what the service got: path and headers
  ${adminUrl}/readyz   health; /metrics is beside it

Three things to try, in another terminal. The kubectl in these commands is the real one, and knows this cluster alone.

1. Send a request, and see the objects behind it.

  curl ${url}/quote/
  ${kubectl} get mappings,hosts,listeners,services,endpointslices

2. Change a Mapping; how soon that was live is told below. (\`edit mapping hello\` opens it in an editor.)

  ${kubectl} patch mapping hello --type=merge -p '{"spec":{"prefix":"/hi/"}}'
  curl ${url}/hi/

3. Apply a Mapping that could not work. The admission webhook refuses it, and says why.

  cat ${badMapping}
  ${kubectl} apply -f ${badMapping}

The manifests that were applied are in ${directory}; edit them, and apply them again. For kubectl and nuncio in
a shell of your own, and for docs/tour.md:

  . ${env}

Ctrl-C ends everything and removes all of it.
`;
}
