import { stringify } from "yaml";

export interface ServiceAt {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** A Service and where it is, as a cluster would have them from a Deployment. Headless: nothing here leads from a ClusterIP to a Pod. */
export function serviceManifests(services: readonly ServiceAt[]): string {
  const head =
    "# The sample services. In a whole Kubernetes the EndpointSlices come from Pods; these lead to processes of this machine.\n";
  const objects = services.flatMap(({ name, address, port }) => [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name },
      spec: { clusterIP: "None", ports: [{ name: "http", port: 80, targetPort: port }] },
    },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: `${name}-1`, labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      ports: [{ name: "http", port }],
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
    },
  ]);
  return head + objects.map((each) => `---\n${stringify(each)}`).join("");
}

/** Something that people write, and that no schema can know: Envoy's regular expressions have no look-ahead. */
export const badMapping = `apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata:
  name: bad
spec:
  hostname: "*"
  prefix: /users/(?!admin).*
  prefix_regex: true
  service: hello
`;
