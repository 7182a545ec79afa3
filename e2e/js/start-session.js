// Starts a session for the space ARN in argv and prints the answer as the AWS
// CLI does.

import { SageMakerClient, StartSessionCommand } from "@aws-sdk/client-sagemaker";

const client = new SageMakerClient({});
const { SessionId, StreamUrl, TokenValue } = await client.send(new StartSessionCommand({ ResourceIdentifier: process.argv[2] }));
console.log(JSON.stringify({ SessionId, StreamUrl, TokenValue }));
client.destroy();
