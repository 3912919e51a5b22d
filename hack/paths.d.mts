export const root: string;
export const cache: string;
export const requirements: string;
export const envoyVersion: string;
export const envoyPath: string;
export const metafile: string;
export const descriptorsFile: string;
