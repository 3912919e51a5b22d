/** The files of charts/nuncio that are not written by hand. */
import { stringify } from "yaml";
import { templateOf } from "./chart.ts";
import { version } from "./labels.ts";
import { chartNames } from "./names.ts";
import { readmeFile } from "./readme.ts";
import { refusalTemplate } from "./refused-values.ts";
import { sections } from "./sections.ts";
import { schemaFile, valuesFile } from "./values-files.ts";

const folder = "charts/nuncio";

export function chartFiles(crds: string): readonly (readonly [string, string])[] {
  const templates = [...sections(chartNames)].map(
    ([name, objects]) => [`${folder}/templates/${name}.yaml`, templateHeader + templateOf(objects)] as const,
  );
  return [
    [`${folder}/Chart.yaml`, written + stringify(chart)],
    [`${folder}/crds/crds.yaml`, written + crds],
    [`${folder}/values.yaml`, written + valuesFile()],
    [`${folder}/values.schema.json`, schemaFile()],
    ...templates,
    [`${folder}/templates/refused-values.yaml`, templateHeader + refusalTemplate()],
    [`${folder}/README.md`, readmeFile()],
  ];
}

const written = "# Written by `npm run generate`; edit hack/manifests/.\n";
const templateHeader = "{{- /* Written by `npm run generate`; edit hack/manifests/. */}}\n";

const chart = {
  apiVersion: "v2",
  name: "nuncio",
  description: "A Kubernetes API gateway that reads Emissary-ingress's resources",
  type: "application",
  version,
  appVersion: version,
  // matchConditions of webhooks; rules in CEL in CRDs.
  kubeVersion: ">=1.28.0-0",
  keywords: ["gateway", "ingress", "envoy", "emissary"],
};
