// Node-RED without editor, without HTTP, with warnings only: nothing but the flow takes its time.
module.exports = {
    httpAdminRoot: false,
    httpNodeRoot: false,
    disableEditor: true,
    mqttReconnectTime: 200,
    logging: { console: { level: "warn", metrics: false, audit: false } },
};
