"""A `complete` that takes longer than a request may says when to ask again."""

import io
import zipfile


def test_complete_says_when_to_ask_again(api):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("model.pt", b"weights")
    data = packed.getvalue()
    request = {"user_id": "ana", "model_id": "net", "name": "Net", "file_size": len(data)}
    plan = api.post("/ai-models/upload/folder", request).json
    api.send(plan, {"archive.zip": data})

    accepted = api.post(f"/ai-models/uploads/{plan['upload_id']}/complete")

    assert (accepted.status, accepted.json["state"]) == (202, "unpacking")
    assert int(accepted.headers["retry-after"]) > 0
