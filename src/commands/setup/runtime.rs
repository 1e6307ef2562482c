//! Installs ONNX Runtime's shared libraries from the wheel of its Python package.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::SetupConfig;
use crate::model::library_check;
use crate::model::pull::http::HttpClient;
use crate::model::pull::wheel::Wheel;
use crate::platform::checksum::file_sha256;
use crate::platform::{dirs, temporary};
use crate::{Error, Result};

/// A package and the libraries in it that are needed, of which the first is ONNX Runtime itself.
struct RuntimePackage {
    purl: &'static str,
    libraries: &'static [&'static str],
}

/// With OpenVINO, which carries ONNX Runtime's own kernels, too.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
const PACKAGE: Option<RuntimePackage> = Some(RuntimePackage {
    purl: "pkg:pypi/onnxruntime-openvino@1.24.1\
           ?checksum=sha256:3007c803634cc69c6d52af1dea7ce729d9bb62b9a11070fd2f959119199007a8\
           &file_name=onnxruntime_openvino-1.24.1-cp311-cp311-manylinux_2_28_x86_64.whl",
    libraries: &[
        "libonnxruntime.so.1.24.1",
        "libonnxruntime_providers_shared.so",
        "libonnxruntime_providers_openvino.so",
        "libopenvino.so.2541",
        "libopenvino_onnx_frontend.so.2541",
        "libopenvino_intel_cpu_plugin.so",
        "libtbb.so.12",
    ],
});
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
const PACKAGE: Option<RuntimePackage> = Some(RuntimePackage {
    purl: "pkg:pypi/onnxruntime@1.24.1\
           ?checksum=sha256:86bc43e922b1f581b3de26a3dc402149c70e5542fceb5bec6b3a85542dbeb164\
           &file_name=onnxruntime-1.24.1-cp311-cp311-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
    libraries: &["libonnxruntime.so.1.24.1", "libonnxruntime_providers_shared.so"],
});
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
const PACKAGE: Option<RuntimePackage> = None;

/// Where the libraries lie in the wheel.
const LIBRARY_FOLDER: &str = "onnxruntime/capi/";
/// The texts that go with them.
const LICENCES: [&str; 2] = ["onnxruntime/LICENSE", "onnxruntime/ThirdPartyNotices.txt"];
/// The file in the folder of libraries that says which package they are from.
const PACKAGE_NAME: &str = "PACKAGE";

/// Installs the libraries, unless they are there, whole.
pub fn install(config: &SetupConfig, client: &HttpClient) -> Result<()> {
    let Some((package, wheel)) = PACKAGE.and_then(|package| Wheel::parse(package.purl).map(|wheel| (package, wheel)))
    else {
        let problem = "no ONNX Runtime is pinned for this system: install it, and point ORT_DYLIB_PATH at its library";
        return Err(Error::Runtime(problem.into()));
    };
    let (home, lib) = (dirs::folder(), dirs::libraries());
    let label = format!("{}=={} {}\n", wheel.package, wheel.version, wheel.sha256);
    let shared = dirs::shared().map(|shared| shared.join("lib"));
    if let Some(there) = [Some(&lib), shared.as_ref()].into_iter().flatten().find(|lib| is_there(lib, &label, &package))
    {
        config.tell(&format!("ONNX Runtime {} is already installed: {}", wheel.version, there.display()));
        return Ok(());
    }
    config.tell(&format!("ONNX Runtime {}: downloading the package {}", wheel.version, wheel.package));
    let file = wheel.fetch(&config.packages, client, &home)?;
    let stage = temporary::subfolder(&home).map_err(Error::io(&home))?;
    let new = stage.path().join("lib");
    unpack(&file, &package, &new)?;
    fs::write(new.join(PACKAGE_NAME), label).map_err(Error::io(&new))?;
    replace(config, &lib, &new, stage.path())?;
    fs::remove_file(&file).map_err(Error::io(&file))?;
    library_check::forget();
    config.tell(&format!("ONNX Runtime {} is installed: {} (its checksum is correct)", wheel.version, lib.display()));
    Ok(())
}

/// Whether `lib` holds this very package, whole.
fn is_there(lib: &Path, label: &str, package: &RuntimePackage) -> bool {
    library_check::forget();
    fs::read_to_string(lib.join(PACKAGE_NAME)).is_ok_and(|found| found == label)
        && package.libraries.iter().all(|name| lib.join(name).is_file())
        && library_check::verify(&lib.join(package.libraries[0])) == Ok(true)
}

/// Unpacks libraries and licences into the new folder `into`, with the libraries' checksums.
fn unpack(wheel: &Path, package: &RuntimePackage, into: &Path) -> Result<()> {
    let unfit = |error: ZipError| Error::input(wheel, format!("cannot be unpacked ({error}): try again"));
    let mut archive = ZipArchive::new(File::open(wheel).map_err(Error::io(wheel))?).map_err(unfit)?;
    fs::create_dir(into).map_err(Error::io(into))?;
    let mut extract = |member: &str| {
        let path = into.join(member.rsplit('/').next().unwrap_or(member));
        let mut packed = archive.by_name(member).map_err(unfit)?;
        let mut file = File::create(&path).map_err(Error::io(&path))?;
        io::copy(&mut packed, &mut file).and_then(|_| file.sync_all()).map_err(Error::io(&path))?;
        Ok::<_, Error>(path)
    };
    LICENCES.iter().try_for_each(|member| extract(member).map(drop))?;
    let mut sums = String::new();
    for name in package.libraries {
        let path = extract(&format!("{LIBRARY_FOLDER}{name}"))?;
        sums += &format!("{}  {name}\n", file_sha256(&path)?);
    }
    fs::write(into.join(library_check::SUMS_NAME), sums).map_err(Error::io(into))
}

/// Puts the new folder in place. One that set-up did not make is kept under another name.
fn replace(config: &SetupConfig, lib: &Path, new: &Path, stage: &Path) -> Result<()> {
    if lib.exists() {
        let mut old = stage.join("old");
        if !lib.join(PACKAGE_NAME).exists() {
            old = (1..).map(|n| lib.with_extension(format!("{n}.old"))).find(|path| !path.exists()).unwrap_or(old);
            config.tell(&format!("{} is your own and kept as {}", lib.display(), old.display()));
        }
        fs::rename(lib, &old).map_err(Error::io(lib))?;
    }
    fs::rename(new, lib).map_err(Error::io(lib))
}
