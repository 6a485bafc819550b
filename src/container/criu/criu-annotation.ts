/** Annotation of a config.json that names a file with settings for criu(8), as in runc. */
export const CRIU_CONFIG_ANNOTATION = "org.criu.config";
