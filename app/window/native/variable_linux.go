package native

// variableCache is the person's cache folder: XDG Base Directory Specification.
const variableCache = "XDG_CACHE_HOME"
