"""Heads: tetrahedral meshes with tissue tags, their files, surfaces and targets."""

from .anatomy.cleaning import (
    Cleaned as Cleaned,
    CleanRules as CleanRules,
    clean_labels as clean_labels,
)
from .average import (
    AverageCortex as AverageCortex,
    average_cortex as average_cortex,
    onto_average as onto_average,
)
from .checks import Finding as Finding, Severity as Severity, check as check
from .checks_images import (
    check_frames as check_frames,
    check_labels as check_labels,
    check_space as check_space,
    check_subject as check_subject,
)
from .cortex import cortical_normals as cortical_normals
from .electrodes import (
    electrode as electrode,
    read_eeg_positions as read_eeg_positions,
    read_electrodes as read_electrodes,
)
from .field_file import (
    FieldFile as FieldFile,
    StoredField as StoredField,
    count_fields as count_fields,
    open_fields as open_fields,
    read_field as read_field,
)
from .gifti import (
    gray_matter_surface as gray_matter_surface,
    read_surface_values as read_surface_values,
    resample as resample,
    write_surface as write_surface,
    write_surface_values as write_surface_values,
)
from .head import (
    TISSUE_NAMES as TISSUE_NAMES,
    HeadMesh as HeadMesh,
    tissue_tag as tissue_tag,
)
from .images.dwi import (
    DiffusionSeries as DiffusionSeries,
    TensorFit as TensorFit,
    fit_tensors as fit_tensors,
)
from .images.dwi_files import read_dwi as read_dwi, read_mask as read_mask
from .images.fibres import (
    FibreCoherence as FibreCoherence,
    fibre_coherence as fibre_coherence,
)
from .images.label_files import (
    LabelImage as LabelImage,
    read_labels as read_labels,
    read_spm_maps as read_spm_maps,
)
from .images.label_table import (
    FREESURFER_LABELS as FREESURFER_LABELS,
    LABEL_TABLES as LABEL_TABLES,
    SIMNIBS_LABELS as SIMNIBS_LABELS,
    SPM_LABELS as SPM_LABELS,
    LabelTable as LabelTable,
    read_label_table as read_label_table,
)
from .images.label_tidy import (
    Tidied as Tidied,
    crop_neck as crop_neck,
    tidy_labels as tidy_labels,
)
from .images.mni import (
    MniTransform as MniTransform,
    check_mni as check_mni,
    read_mni as read_mni,
)
from .images.nifti import (
    load_mask as load_mask,
    load_nifti as load_nifti,
    load_values as load_values,
    load_volume as load_volume,
    template_space as template_space,
)
from .images.tensor_files import read_tensors as read_tensors
from .images.tensors import (
    DIPY_TENSORS as DIPY_TENSORS,
    FSL_TENSORS as FSL_TENSORS,
    MRTRIX_TENSORS as MRTRIX_TENSORS,
    TensorFrame as TensorFrame,
    TensorImage as TensorImage,
    TensorLayout as TensorLayout,
)
from .images.voxels import (
    VoxelGrid as VoxelGrid,
    elements_on_grid as elements_on_grid,
    read_grid as read_grid,
    write_image as write_image,
)
from .landmarks import (
    TEMPLATE_FIDUCIALS as TEMPLATE_FIDUCIALS,
    Fiducials as Fiducials,
    beam_f3 as beam_f3,
    dense_eeg_positions as dense_eeg_positions,
    eeg_positions as eeg_positions,
)
from .lattice.mesher import mesh_labels as mesh_labels
from .msh.contents import MeshFields as MeshFields, TissueSurfaces as TissueSurfaces
from .msh.reader import (
    read_msh as read_msh,
    read_msh_data as read_msh_data,
    read_msh_surfaces as read_msh_surfaces,
)
from .msh.writer import (
    write_msh as write_msh,
    write_msh_surface as write_msh_surface,
)
from .npz import read_npz as read_npz, write_npz as write_npz
from .progress import Progress as Progress, ProgressBar as ProgressBar
from .quality import quality as quality
from .regions import (
    Region as Region,
    ball as ball,
    extent as extent,
    region as region,
    volume_percentiles as volume_percentiles,
    weighted_region as weighted_region,
)
from .scalp import Scalp as Scalp, scalp as scalp
from .spheres import spheres as spheres
from .subject import (
    Subject as Subject,
    find_mesh as find_mesh,
    head_writer as head_writer,
    read_head as read_head,
    read_subject as read_subject,
    subject_of as subject_of,
    write_head as write_head,
)
from .surface import Surface as Surface, outer_surface as outer_surface
from .surface_files import (
    SurfaceFile as SurfaceFile,
    SurfaceFrame as SurfaceFrame,
    open_surface as open_surface,
    read_sphere as read_sphere,
    read_surface as read_surface,
)
from .template import (
    kept_template_labels as kept_template_labels,
    template as template,
)
from .template_labels import template_labels as template_labels
from .tracts import (
    Tractogram as Tractogram,
    check_tracts as check_tracts,
    read_tracts as read_tracts,
    write_tracts as write_tracts,
)
from .vtu import read_vtu as read_vtu, write_vtu as write_vtu
