//! Export and import pipelines.

use transload_control::resource::{Direction, kind};

use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;
use crate::map;

pub(crate) async fn exports(face: &Face, call: &Call) -> Result<Answer, Fault> {
    list(face, call, kind::EXPORT_PIPELINE).await
}

pub(crate) async fn imports(face: &Face, call: &Call) -> Result<Answer, Fault> {
    list(face, call, kind::IMPORT_PIPELINE).await
}

async fn list(face: &Face, call: &Call, kind: &str) -> Result<Answer, Fault> {
    let tenant = face.tenant();
    let place = face.place(&tenant);
    face.list(call, &call.id("registry")?, kind, |stored| map::pipeline(stored, place)).await
}

pub(crate) async fn put_export(face: &Face, call: &Call) -> Result<Answer, Fault> {
    put(face, call, Direction::Export).await
}

pub(crate) async fn put_import(face: &Face, call: &Call) -> Result<Answer, Fault> {
    put(face, call, Direction::Import).await
}

/// Done when it is answered: clients GET it at once (contract, § 0.10).
async fn put(face: &Face, call: &Call, direction: Direction) -> Result<Answer, Fault> {
    let id = face.canonical(call.id("pipeline")?).await?;
    let asked = map::pipeline_asked(call.json()?, direction)?;
    let put = face.control.put_pipeline(&call.caller, &id, asked).await?;
    let tenant = face.tenant();
    Ok(Answer::ok(&map::pipeline(&put.stored, face.place(&tenant))?))
}

pub(crate) async fn get(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let stored = face.control.get(&call.caller, &call.id("pipeline")?).await?;
    let tenant = face.tenant();
    Ok(Answer::ok(&map::pipeline(&stored, face.place(&tenant))?))
}

pub(crate) async fn delete(face: &Face, call: &Call) -> Result<Answer, Fault> {
    face.delete(call, &call.id("pipeline")?).await
}
