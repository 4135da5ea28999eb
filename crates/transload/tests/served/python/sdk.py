"""Does what the test says with Azure's unmodified clients, and prints what came of each step.

Standard input is one JSON object:
  server, tenant, subscription, client_id, secret   who signs in where
  sdk                                               "10.3" or "15.1": which azure-mgmt-containerregistry this is
  steps                                             [{name, call, args, kwargs}]

`call` is a method of the client ("export_pipelines.begin_create"), or of the client of a vault
("https://v1.vault.example|set_secret"). In `args` an object {"$": "ExportPipeline", …} becomes that model. Standard
output is one JSON object: name -> {"result": …} or {"error": {code, message, status}}.
"""

import datetime
import json
import sys

from azure.core.exceptions import HttpResponseError
from azure.core.paging import ItemPaged
from azure.identity import ClientSecretCredential
from azure.mgmt.containerregistry import ContainerRegistryManagementClient


def main():
    told = json.load(sys.stdin)
    credential = ClientSecretCredential(
        told["tenant"],
        told["client_id"],
        told["secret"],
        authority=told["server"],
        disable_instance_discovery=True,
    )
    session = Session(told, credential)
    outcome = {step["name"]: session.take(step) for step in told["steps"]}
    json.dump(outcome, sys.stdout)


class Session:
    def __init__(self, told, credential):
        self.credential = credential
        self.vaults = {}
        options = {"base_url": told["server"], "credential_scopes": [told["server"] + "/.default"]}
        if told["sdk"] == "10.3":
            options["api_version"] = "2019-12-01-preview"
        self.client = ContainerRegistryManagementClient(credential, told["subscription"], **options)
        if told["sdk"] == "10.3":
            self.models = ContainerRegistryManagementClient.models("2019-12-01-preview")
        else:
            from azure.mgmt.containerregistry import models

            self.models = models

    def take(self, step):
        try:
            method = self.method(step["call"])
            args = [self.build(argument) for argument in step.get("args", [])]
            kwargs = {name: self.build(value) for name, value in step.get("kwargs", {}).items()}
            answer = method(*args, **kwargs)
            if hasattr(answer, "wait") and hasattr(answer, "result"):
                answer = answer.result()
            elif hasattr(answer, "by_page"):
                answer = list(answer)
            return {"result": plain(answer)}
        except HttpResponseError as error:
            code = getattr(error.error, "code", None)
            return {"error": {"code": code, "message": error.message, "status": error.status_code}}

    def method(self, call):
        host, _, path = call.rpartition("|")
        found = self.vault(host) if host else self.client
        for word in path.split("."):
            found = getattr(found, word)
        return found

    def vault(self, url):
        from azure.keyvault.secrets import SecretClient

        if url not in self.vaults:
            self.vaults[url] = SecretClient(vault_url=url, credential=self.credential)
        return self.vaults[url]

    def build(self, value):
        if isinstance(value, list):
            return [self.build(item) for item in value]
        if not isinstance(value, dict):
            return value
        members = {name: self.build(member) for name, member in value.items() if name != "$"}
        return getattr(self.models, value["$"])(**members) if "$" in value else members


def plain(value):
    """What a client gave back, as it reads it: models by their attributes."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, (datetime.datetime, datetime.date)):
        return {"time": value.isoformat()}
    if isinstance(value, (list, tuple, ItemPaged)):
        return [plain(item) for item in value]
    if type(value).__name__ in ("KeyVaultSecret", "SecretProperties", "DeletedSecret"):
        names = ("id", "name", "value", "version", "enabled", "tags", "content_type", "created_on", "properties")
        return {name: plain(getattr(value, name)) for name in names if hasattr(value, name)}
    if hasattr(value, "_attribute_map"):
        return {name: plain(getattr(value, name)) for name in value._attribute_map}
    if hasattr(value, "_attr_to_rest_field"):
        names = list(value._attr_to_rest_field) + list(getattr(value, f"_{type(value).__name__}__flattened_items", []))
        return {name: plain(getattr(value, name)) for name in names if name != "properties"}
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(name): plain(member) for name, member in value.items()}
    return str(value)


if __name__ == "__main__":
    main()
