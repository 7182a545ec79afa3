package native

// variableCache is the person's cache folder, and that of what else stays on
// this computer; whoever looks for its own there does so before [UseCache].
const variableCache = "LocalAppData"
